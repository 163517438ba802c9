"""The door to django-allauth: second factors, passkeys, and log-in through others. Nothing else imports it.

What may not leak through: its sessions (a finished log-in is a family of our tokens), its answers (`translation`),
its e-mail addresses and letters, its rate limits (`accounts.guards` counts).
"""
