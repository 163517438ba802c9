"""What tells in accounts' tables who somebody was, and how it is taken out of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts import audit, exports, letters
from accounts.erasure import Leaver
from accounts.models import (
    ApiKey,
    Export,
    IdempotentRequest,
    Invitation,
    Letter,
    Membership,
    Profile,
    TokenFamily,
    User,
    Workspace,
)

NAMELESS = "Erased"


def take_out(leaver: Leaver) -> Mapping[str, int]:
    """Keys and the rows of user and workspace stay: the ledger refers to them."""
    counts = {
        "audit entries": audit.forget(_subjects(leaver), actor_id=leaver.user_id, emails=leaver.emails),
        "console log": _console_log(leaver).update(object_repr=NAMELESS, change_message=""),
        "console sessions": _console_sessions(leaver),
        "sessions": TokenFamily.objects.filter(user=leaver.user_id).delete()[0],
        "letters": _letters(leaver).delete()[0],
        "invitations": _invitations(leaver),
        "exports": _exports(leaver),
        "kept answers": IdempotentRequest.objects.filter(user=leaver.user_id).delete()[0],
        "API keys": _keys(leaver),
        "memberships": Membership.objects.filter(user=leaver.user_id).delete()[0],
    }
    _workspaces(leaver)
    _person(leaver)
    return counts


def _person(leaver: Leaver) -> None:
    user = User.objects.get(pk=leaver.user_id)
    for field in Profile._meta.fields:
        setattr(user, field.name, field.get_default())
    user.email, user.email_verified_at = leaver.pseudonym, None
    user.password = make_password(None)
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = None
    user.erased_at = user.erased_at or leaver.at
    user.save()
    user.groups.clear()
    user.user_permissions.clear()


def _workspaces(leaver: Leaver) -> None:
    """Their own are closed; where another owns it, invoices go to that other."""
    Workspace.objects.filter(pk__in=leaver.workspace_ids).update(
        name=NAMELESS, email=leaver.pseudonym, deleted_at=Coalesce(F("deleted_at"), leaver.at)
    )
    for workspace in Workspace.objects.filter(_is_one_of("email", leaver)):
        owner = User.objects.filter(memberships__workspace=workspace, memberships__role=Membership.Role.OWNER).first()
        workspace.email = owner.email if owner else leaver.pseudonym
        workspace.save(update_fields=["email"])


def _keys(leaver: Leaver) -> int:
    keys = ApiKey.objects.filter(user=leaver.user_id)
    return keys.update(name=NAMELESS, former_hash=None, revoked_at=Coalesce(F("revoked_at"), leaver.at))


def _invitations(leaver: Leaver) -> int:
    """What they offered is withdrawn; those to them say no more to whom they went."""
    revoked_at = Coalesce(F("revoked_at"), leaver.at)
    offered = Invitation.objects.pending().filter(invited_by=leaver.user_id).update(revoked_at=revoked_at)
    got = Q(accepted_by=leaver.user_id) | _is_one_of("email", leaver)
    Invitation.objects.pending().filter(got).update(revoked_at=revoked_at)
    return offered + Invitation.objects.filter(got).update(email=leaver.pseudonym)


def _letters(leaver: Leaver) -> QuerySet[Letter]:
    """To them, and those that name them; but for the one that tells them of this."""
    named = Q(user=leaver.user_id) | _is_one_of("to", leaver)
    for email in leaver.emails:
        named |= Q(context__by_email__iexact=email) | Q(context__new_email__iexact=email)
    return Letter.objects.filter(named).exclude(kind=letters.LAST)


def _exports(leaver: Leaver) -> int:
    """One that is being made this moment is waited for."""
    found = list(Export.objects.select_for_update().filter(user=leaver.user_id))
    for export in found:
        exports.forget_file(export)
        export.delete()
    return len(found)


# ---- The log, and the console


def _subjects(leaver: Leaver) -> list[str]:
    """As the audit log names what is theirs."""
    theirs: list[tuple[type[Any], Q]] = [
        (User, Q(pk=leaver.user_id)),
        (Workspace, Q(pk__in=leaver.workspace_ids)),
        (ApiKey, Q(user=leaver.user_id)),
        (Membership, Q(user=leaver.user_id)),
        (Export, Q(user=leaver.user_id)),
    ]
    return [
        audit.name_of(model, pk)
        for model, which in theirs
        for pk in model._default_manager.filter(which).values_list("pk", flat=True)
    ]


def _console_log(leaver: Leaver) -> QuerySet[LogEntry]:
    """Lines about them, which hold a name or an address in words."""
    about = Q(pk__in=[])
    for subject in _subjects(leaver):
        model, _, pk = subject.partition(":")
        about |= Q(content_type__model=model, object_id=pk)
    for email in leaver.emails:
        about |= Q(object_repr__icontains=email) | Q(change_message__icontains=email)
    return LogEntry.objects.filter(about)


def _console_sessions(leaver: Leaver) -> int:
    """Whose one is stands inside of it, so all are looked at. Only the console and unfinished log-ins have any."""
    theirs = [session.pk for session in Session.objects.iterator() if _is_of(session, leaver)]
    return Session.objects.filter(pk__in=theirs).delete()[0]


def _is_of(session: Session, leaver: Leaver) -> bool:
    return str(leaver.user_id) in str(session.get_decoded())


def _is_one_of(field: str, leaver: Leaver) -> Q:
    """A condition that no row fulfils where no address is theirs."""
    condition = Q(pk__in=[])
    for email in leaver.emails:
        condition |= Q(**{f"{field}__iexact": email})
    return condition
