"""What can go wrong between a request and a model's answer."""

from __future__ import annotations


class AssistantError(Exception):
    code = "assistant_error"


class UnknownModel(AssistantError):
    code = "model_not_found"

    def __init__(self, model: str) -> None:
        self.model = model
        super().__init__(f"There is no model {model}.")


class InvalidRequest(AssistantError):
    """The request says something no model can be asked. `param` is the field at fault, the first where several are."""

    code = "invalid_request"

    def __init__(self, message: str, param: str | None = None, errors: dict[str, list[str]] | None = None) -> None:
        self.param = param
        found = errors or ({param: [message]} if param else {})
        self.extra = {"errors": found} if found else {}
        super().__init__(message)


class UnknownMessage(AssistantError):
    code = "unknown_message"

    def __init__(self) -> None:
        super().__init__("There is no such message in this conversation.")


class ConversationBusy(AssistantError):
    code = "conversation_busy"

    def __init__(self) -> None:
        super().__init__("This conversation is being answered. Wait for the answer, or resume its stream.")


class UnknownAttachment(AssistantError):
    code = "unknown_attachment"

    def __init__(self) -> None:
        super().__init__("There is no such attachment.")


class AttachmentTaken(AssistantError):
    code = "attachment_taken"

    def __init__(self) -> None:
        super().__init__("Another message has this attachment. Upload it again.")


class TooManyAttachments(AssistantError):
    code = "too_many_attachments"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} files wait for a message already. Use or delete some.")


class UnsupportedFile(AssistantError):
    code = "unsupported_file"

    def __init__(self) -> None:
        super().__init__("Only PNG, JPEG, GIF and WebP images, PDF files, and text in UTF-8 can be attached.")


class FileTooLarge(AssistantError):
    code = "file_too_large"

    def __init__(self, most: int, what: str = "a file of this kind") -> None:
        super().__init__(f"It is too large: {what} may have {most:,} bytes.")


class FileRefused(AssistantError):
    """It is broken, or made so that it cannot be read."""

    code = "file_refused"


class FilesWaiting(AssistantError):
    """Others are being looked into, and their turn took too long."""

    code = "files_waiting"

    def __init__(self) -> None:
        super().__init__("Too many files are being looked into. Try again in a moment.")


class ContentRefused(AssistantError):
    """The moderator lets it not pass; nothing was asked, held or kept."""

    code = "content_refused"


class ModerationUnavailable(AssistantError):
    """The moderator cannot tell, so nothing was asked."""

    code = "moderation_unavailable"

    def __init__(self) -> None:
        super().__init__("What you said could not be checked. Try again.")


class InvalidCatalogue(AssistantError):
    """A model catalogue that cannot be loaded; nothing of it was."""

    code = "invalid_catalogue"


class UnknownCrew(AssistantError):
    code = "unknown_type"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is nobody for {slug}.")


class JobEnded(AssistantError):
    code = "job_ended"

    def __init__(self) -> None:
        super().__init__("It has ended already.")


class OperationFailed(AssistantError):
    """Whoever waited for it is told why; what is left of it is at `address`."""

    def __init__(self, code: str, address: str) -> None:
        self.code = code
        super().__init__(f"It failed ({code}), and what did not come was not charged. See {address}")


class StepFailed(AssistantError):
    """A step gave nothing that can be used; what came before it stays."""

    code = "step_failed"


class OutOfRoom(StepFailed):
    """What is held for the work does not suffice for its next step."""

    code = "quota_exceeded"


class GivenUp(AssistantError):
    """Too many processes died with it."""

    code = "given_up"

    def __init__(self) -> None:
        super().__init__("It was begun too often without an end.")


class TooLongToExport(AssistantError):
    code = "too_long_to_export"

    def __init__(self, characters: int, lines: int) -> None:
        super().__init__(
            f"A PDF holds at most {characters:,} characters and {lines:,} lines. Take it as Markdown or JSON."
        )


class NothingToExport(AssistantError):
    code = "nothing_to_export"

    def __init__(self) -> None:
        super().__init__("Nothing of it has been finished yet.")


class InvalidTemplate(AssistantError):
    """A file of a project's template that cannot be used, with the line that is wrong."""

    code = "invalid_template"


class UnknownTemplate(AssistantError):
    code = "template_not_found"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no template {slug}.")


class UnknownTask(AssistantError):
    code = "task_not_found"

    def __init__(self, key: str) -> None:
        super().__init__(f"The plan has no task {key}.")


class NoProfile(AssistantError):
    code = "no_profile"

    def __init__(self) -> None:
        super().__init__("You have told nothing about yourself yet. PUT your profile here.")


class NoActiveProject(AssistantError):
    code = "no_active_project"

    def __init__(self) -> None:
        super().__init__("You have no active project here. Make one from a template.")


class ActiveProjectExists(AssistantError):
    """Every place for an active project that the plan allows is taken."""

    code = "active_project_exists"

    def __init__(self, most: int) -> None:
        self.extra = {"active_projects": most}
        counted = "one active project" if most == 1 else f"{most} active projects"
        super().__init__(f"Your plan allows {counted}. Pause, complete or abandon one first.")


class NotYourProject(AssistantError):
    """It is shared with them, to work on."""

    code = "project_owner_only"

    def __init__(self) -> None:
        super().__init__("Only the one whose project it is may do that.")
