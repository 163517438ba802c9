"""The formats that OpenAI's and Anthropic's SDKs speak, unchanged: only their base URL and key differ."""
