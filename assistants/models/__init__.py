from assistants.models.catalogue import LanguageModel, ModelPrice
from assistants.models.coaching import CreatorProfile, Decision, Project, Task
from assistants.models.conversations import Attachment, Conversation, Message
from assistants.models.jobs import Job, Step
from assistants.models.turns import Turn

__all__ = [
    "Attachment",
    "Conversation",
    "CreatorProfile",
    "Decision",
    "Job",
    "LanguageModel",
    "Message",
    "ModelPrice",
    "Project",
    "Step",
    "Task",
    "Turn",
]
