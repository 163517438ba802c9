"""Who comes into the console: staff, by email, password and a code. Its session is good for the browsable API too."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.core.paginator import InvalidPage
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from accounts import rates, registration
from accounts.addresses import client_address
from accounts.errors import AuthenticatorExists, InvalidCredentials, TooManyAttempts, WrongCode
from accounts.factors import apps, codes, notices, sealing
from accounts.factors.pending import factors_of
from accounts.models import User
from accounts.signals import staff_signed_in

ENTERED_BY = "entered_console_by"
PASSWORD, SECOND_FACTOR = "password", "second factor"
SETTING_UP = "setting_up_second_factor"
SETTING_UP_SECONDS = 15 * 60


def may_enter(request: Any) -> bool:
    """Staff whose session came from the form here. No other session opens the console, however it came about."""
    enough = (SECOND_FACTOR,) if settings.STAFF_SECOND_FACTOR else (SECOND_FACTOR, PASSWORD)
    return bool(request.user.is_active and request.user.is_staff and request.session.get(ENTERED_BY) in enough)


def enter(request: HttpRequest, user: User, *, by: str) -> None:
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.pop(SETTING_UP, None)
    request.session[ENTERED_BY] = by
    transaction.on_commit(partial(staff_signed_in.send_robust, User, user_id=user.pk, way="console"))


class SignIn(forms.Form):
    """One refusal for all that can be wrong, so that nobody learns which part was right."""

    refusal = "Email, password and code do not belong to a staff account."

    username = forms.CharField(
        label="Email", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code",
        max_length=40,
        required=False,
        help_text="From your authenticator app, or a recovery code. Leave it empty if you have none yet.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.entered_by: str | None = None
        self.retry_after: int | None = None

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        try:
            self.user = self._by_password()
            self.entered_by = self._second_step()
        except (InvalidCredentials, WrongCode) as exc:
            raise forms.ValidationError(self.refusal) from exc
        except TooManyAttempts as exc:
            self.retry_after = exc.retry_after
            raise forms.ValidationError(f"Too many tries. Try again in {exc.retry_after // 60 + 1} minutes.") from exc
        return self.cleaned_data

    def get_user(self) -> User:
        return self.user

    def _by_password(self) -> User:
        email, address = self.cleaned_data["username"], client_address(self.request)
        user = registration.sign_in(email=email, password=self.cleaned_data["password"], address=address, at=now())
        if not user.is_staff:
            raise InvalidCredentials
        return user

    def _second_step(self) -> str | None:
        """How they have come in; None for who has no second factor yet and must have one."""
        if not factors_of(self.user):
            return None if settings.STAFF_SECOND_FACTOR else PASSWORD
        if not self.cleaned_data["code"]:
            raise WrongCode
        codes.check(self.user, self.cleaned_data["code"], at=now())
        return SECOND_FACTOR


class SignInView(LoginView):
    form_class = SignIn  # type: ignore[assignment]  # whose name for the email it keeps, and no more
    template_name = "admin/login.html"

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rates.check(request, "log-in")
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        page = super().form_invalid(form)
        if form.retry_after:
            page.status_code = 429
            page["Retry-After"] = str(form.retry_after)
        return page

    def form_valid(self, form: Any) -> HttpResponseRedirect:
        if form.entered_by:
            enter(self.request, form.get_user(), by=form.entered_by)
            return HttpResponseRedirect(self.get_success_url())
        begin_set_up(self.request, form.get_user(), then=self.get_success_url())
        return redirect("admin:second_factor")


# ---- the first time --------------------------------------------------------------------------------------------------


def begin_set_up(request: HttpRequest, user: User, *, then: str) -> None:
    """After the right password: this browser may set up the second factor that its person does not have."""
    request.session.flush()
    secret = sealing.seal(apps.new_secret())
    request.session[SETTING_UP] = {"user": str(user.pk), "at": time.time(), "then": then, "secret": secret}


def setting_up(request: HttpRequest) -> tuple[User, dict[str, Any]] | None:
    """Who is doing so; None for everybody else, and for who has a second factor by now."""
    begun = request.session.get(SETTING_UP)
    if begun is None or time.time() - begun["at"] > SETTING_UP_SECONDS:
        return None
    user = User.objects.filter(pk=begun["user"], is_active=True, is_staff=True).first()
    return (user, begun) if user and not factors_of(user) else None


class FirstCode(forms.Form):
    code = forms.CharField(
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )

    def __init__(self, secret: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secret = secret

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        self.step = codes.matching_step(self.secret, code, at=now())
        if self.step is None:
            raise forms.ValidationError("This is not the code. Is the clock of your device right?")
        return code


class Console(UnfoldAdminSite):
    """Pages that show no model's rows are put in by the apps that have them, with `add_page`."""

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.pages: list[URLPattern] = []

    def add_page(self, address: str, view: Callable[..., HttpResponse], *, name: str) -> None:
        """`view` asks itself what somebody may see, beyond that they have come in."""
        self.pages.append(path(address, self.admin_view(view), name=name))

    def has_permission(self, request: Any) -> bool:
        return may_enter(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [path("second-factor", self.second_factor, name="second_factor"), *self.pages, *super().get_urls()]

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """What cannot be a page, or a word, is found nowhere."""
        if "\0" in request.GET.get("s", ""):
            raise Http404
        try:
            return super().search(request, extra_context)
        except InvalidPage as exc:
            raise Http404 from exc

    def _search_models(self, request: HttpRequest, app_list: list[Any], *args: Any) -> list[SearchResult]:
        """Rows of what somebody may see: who may merely add some sees none."""
        seen = [{**app, "models": [each for each in app["models"] if each["perms"]["view"]]} for app in app_list]
        found: list[SearchResult] = super()._search_models(request, seen, *args)
        return found

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        context = {**self.each_context(request), "title": "Sign in", **(extra_context or {})}
        return SignInView.as_view(extra_context=context)(request)

    @method_decorator([never_cache, sensitive_post_parameters()])
    def second_factor(self, request: HttpRequest) -> HttpResponse:
        found = setting_up(request)
        if found is None:
            return redirect("admin:login")
        user, begun = found
        secret = sealing.unseal(begun["secret"])
        form = FirstCode(secret, request.POST or None)
        if form.is_valid() and form.step is not None:
            return self._set_up(request, user, secret, form.step, then=begun["then"])
        picture = b64encode(apps.drawn(apps.address_for(user, secret)).encode()).decode()
        return self._page(request, "admin/second_factor.html", form=form, secret=in_groups(secret), picture=picture)

    def _set_up(self, request: HttpRequest, user: User, secret: str, step: int, *, then: str) -> HttpResponse:
        try:
            recovery = apps.add(user, secret, step=step)
        except AuthenticatorExists:
            return redirect("admin:login")
        notices.tell("mfa/email/totp_activated", user, request)
        enter(request, user, by=SECOND_FACTOR)
        return self._page(request, "admin/recovery_codes.html", codes=recovery, then=then)

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        whole = {**self.each_context(request), "title": "Second factor", **context}
        return render(request, template, whole)


def in_groups(secret: str) -> str:
    """So that somebody can type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
