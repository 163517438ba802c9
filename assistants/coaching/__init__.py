"""Coaching: a creator, a plan made their own, a chat that knows it, and what was decided and done in it."""
