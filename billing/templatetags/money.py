from django import template

from billing import money

register = template.Library()

# {{ amount|money:currency }}
register.filter("money", money.written)
# {{ amount|micro_usd }}
register.filter("micro_usd", money.micro_usd)
