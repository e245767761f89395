"""The built-in list: front pages of mass-market services, and neutral sites to compare with.

Services are those that many people use, whoever they are; never the content of any group or party.
Controls are large public pages of standards and software, far from each other, long enough to time.
There is no measurement server in it: who has none still gets an answer, and is told what could not
be separated.
"""

from __future__ import annotations

from evenfall.model.target import Target, TargetList
from evenfall.model.vocabulary import Role

__all__ = ["BUILT_IN"]

_SERVICES = {
    "youtube/front": "https://www.youtube.com/",
    "facebook/front": "https://www.facebook.com/",
    "instagram/front": "https://www.instagram.com/",
    "x/front": "https://x.com/",
    "telegram/front": "https://web.telegram.org/",
    "whatsapp/front": "https://web.whatsapp.com/",
    "vk/front": "https://vk.com/",
    "ok/front": "https://ok.ru/",
}

_CONTROLS = {
    "wikipedia/front": "https://www.wikipedia.org/",
    "rfc-editor/http": "https://www.rfc-editor.org/rfc/rfc9110.html",
    "iana/ports": "https://www.iana.org/assignments/service-names-port-numbers/"
    "service-names-port-numbers.xhtml",
    "gnu/licence": "https://www.gnu.org/licenses/gpl-3.0.html",
    "python/front": "https://www.python.org/",
}

_SECOND_RESOLVER = "9.9.9.9"

BUILT_IN = TargetList(
    targets=tuple(Target(target_id=i, url=u, role=Role.TARGET) for i, u in _SERVICES.items()),
    controls=tuple(Target(target_id=i, url=u, role=Role.CONTROL) for i, u in _CONTROLS.items()),
    public_resolver=_SECOND_RESOLVER,
)
"""What `check` measures without `--targets`."""
