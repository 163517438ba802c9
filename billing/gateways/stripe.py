class StripeGateway:
    name = "stripe"

    def __init__(self, key: str) -> None:
        self.key = key
