from django.apps import AppConfig


class QuotasConfig(AppConfig):
    name = "quotas"

    def ready(self) -> None:
        from billing.signals import pack_paid, pack_refunded
        from quotas import holdings, purchases

        holdings.contribute()
        pack_paid.connect(purchases.hear_of_payment)
        pack_refunded.connect(purchases.hear_of_refund)
