"""The built-in list: front pages of mass-market services, and neutral sites to compare with.

Services are those that many people use, whoever they are; never the content of any group or party.
Controls are large public pages of standards and software, far from each other, long enough to time.
There is no measurement server in it: who has none still gets an answer, and is told what could not
be separated.

Telegram's apps speak their own protocol to data centres at fixed addresses; two of them, in two
places, are asked beside its web page. Which services speak HTTP/3 without being asked first is
noted, because a service whose page is cut off cannot say so.

The resolver inside TLS is the operator that is asked as second resolver anyway, so nobody learns of
more than before; it stands under Swiss law, and says that it keeps no addresses. Asking one
operator both in the open and inside TLS also shows what is done to the question in the open.

Sources: ooni/spec ts-020-telegram and core.telegram.org/api/datacenter (addresses of the data
centres), quad9.net/service (addresses, DNS over HTTPS at /dns-query, privacy).
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
    "telegram/app": "mtproto://149.154.167.51:443",
    "telegram/app-2": "mtproto://149.154.175.50:443",
    "whatsapp/front": "https://web.whatsapp.com/",
    "vk/front": "https://vk.com/",
    "ok/front": "https://ok.ru/",
}

_QUIC = frozenset({"youtube/front", "facebook/front", "instagram/front", "whatsapp/front"})
"""They announce HTTP/3 to every browser (Alt-Svc); the others say so in the round, or not."""

_CONTROLS = {
    "wikipedia/front": "https://www.wikipedia.org/",
    "rfc-editor/http": "https://www.rfc-editor.org/rfc/rfc9110.html",
    "iana/ports": "https://www.iana.org/assignments/service-names-port-numbers/"
    "service-names-port-numbers.xhtml",
    "gnu/licence": "https://www.gnu.org/licenses/gpl-3.0.html",
    "python/front": "https://www.python.org/",
}

_SECOND_RESOLVER = "9.9.9.9"
_INSIDE_TLS = "https://9.9.9.9/dns-query"

BUILT_IN = TargetList(
    targets=tuple(
        Target(target_id=i, url=u, role=Role.TARGET, quic=i in _QUIC) for i, u in _SERVICES.items()
    ),
    controls=tuple(Target(target_id=i, url=u, role=Role.CONTROL) for i, u in _CONTROLS.items()),
    public_resolver=_SECOND_RESOLVER,
    doh=_INSIDE_TLS,
)
"""What `check` measures without `--targets`."""
