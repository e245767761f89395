"""The third opinion on every target's name: a resolver asked inside TLS.

Whoever answers on the way in place of both resolvers cannot answer here. All questions go over one
connection, beside the lookups; controls are not asked for, so that nobody learns of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.measure.doh import DOH_S, DohServer, Question, doh_context, look_up_inside_tls
from evenfall.model.target import Target
from evenfall.model.vocabulary import Role
from evenfall.probe.budget import HANDSHAKE_BYTES, LOOKUP_BYTES
from evenfall.probe.session import Session
from evenfall.probe.targets import host_of, is_literal

__all__ = ["ask_inside_tls"]


async def ask_inside_tls(
    session: Session, sites: Sequence[Target], *, families: Sequence[int]
) -> None:
    """Ask for every target among `sites`, if the list has a resolver for it."""
    questions = [
        Question(target=site, host=host_of(site.url), family=family)
        for site in sites
        for family in families
        if site.role is Role.TARGET and not is_literal(host_of(site.url))
    ]
    most = HANDSHAKE_BYTES + LOOKUP_BYTES * len(questions)
    timeout_s = min(DOH_S, session.left_s())
    if not (session.targets.doh and questions and session.budget.fits(most) and timeout_s > 0):
        return
    server = DohServer(
        url=session.targets.doh,
        resolver=session.targets.resolver,
        context=doh_context(session.targets.ca_file),
        bogons_allowed=session.is_test_network,
    )
    with session.budget.paid_for(most):
        session.keep(
            *await look_up_inside_tls(
                session.network, session.round_, questions, server=server, rng=session.rng,
                timeout_s=timeout_s,
            )
        )  # fmt: skip
