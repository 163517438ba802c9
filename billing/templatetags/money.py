from django import template

from billing import money

register = template.Library()

# {{ amount|money:currency }}
register.filter("money", money.written)
