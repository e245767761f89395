"""The rules that may decide, with stable ids. An id is a public contract and is never re-meant.

Whoever changes what a rule decides raises `RULESET` and writes a line under "Verdicts changed" in
the changelog; a test holds both to the golden files.
"""

from __future__ import annotations

__all__ = ["RULES", "RULESET"]

RULESET = "2026.12"

RULES: dict[str, str] = {
    # evenfall check: one occasion (METHOD 1 to 3)
    "check.ok": "The target answers like the controls.",
    "check.not_measured": "Time, bytes or the person ended the round before this target.",
    "check.own_side": "Our own device had no way there: never a verdict about the network.",
    "check.other_network": "A VPN is on, or a log-in page answers for everybody: another network "
    "than this line was measured.",
    "check.clock": "This clock is wrong by minutes; or by seconds, and a certificate is not valid.",
    "check.offline": "Nothing at all was reached, targets and controls alike.",
    "check.no_control": "No control was given, so there is nothing to compare with.",
    "check.controls_down": "No control works, so a failure of the target means nothing.",
    "check.controls_exempt": "A name that nobody knows fares as badly against the controls as the "
    "target does: the controls are spared from something, and nothing can be compared with them.",
    "check.unconfirmed": "It failed once and was not tried again.",
    "check.dns.spoof": "The system's resolver points to something that is not the service; at "
    "another resolver's address is the service.",
    "check.dns.injection": "One query got two different answers, and the first points to something "
    "that is not the service; at another address is the service.",
    "check.dns.hijack": "Two resolvers point to something that is not the service; at the address "
    "that a resolver asked inside TLS gives is the service.",
    "check.dns.nxdomain": "The system's resolver denies the name; at another resolver's address is "
    "the service.",
    "check.dns.drop": "The system's resolver is silent about this name alone; at another "
    "resolver's address is the service.",
    "check.dns.differs": "Nothing answers at the address given, or an alert does; the service "
    "answers at another resolver's address. Undetermined.",
    "check.dns.fails": "The system's resolver fails for this name, in a way that a resolver in "
    "trouble would too. Undetermined.",
    "check.dns.unknown": "The system's resolver denies the name, so does one asked inside TLS or "
    "outside, and nobody who was asked knows it, here or outside.",
    "check.ip.drop": "No answer to a SYN, twice, while controls connect. Targeted if our server "
    "reaches that address from outside; undetermined without that view.",
    "check.tcp.reset": "Connections are turned away, twice, while controls connect. Targeted if "
    "our server reaches that address from outside; undetermined without that view.",
    "check.site.down": "It fails here, twice, and at the same address from outside too; or in the "
    "same way at every other address that our server tried, if no other name passes here.",
    "check.tls.drop.sni": "Silence after this name, and another name goes through: also at our "
    "own server, or from outside this name completes at the same address.",
    "check.tls.reset.sni": "A reset after this name, and another name goes through: also at our "
    "own server, or from outside this name completes at the same address.",
    "check.tls.close.sni": "An end in good form after this name, and another name goes through: "
    "also at our own server, or from outside this name completes at the same address.",
    "check.tls.alert.sni": "An alert after this name, and none after another: also at our own "
    "server, or from outside this name completes at the same address.",
    "check.tls.name_at_address": "This name fails and a neutral one goes through at its address, "
    "but pairs do not confirm it elsewhere. Undetermined.",
    "check.tls.failing": "The handshake fails whatever the name. Undetermined.",
    "check.tls.mitm": "With this name, our own server shows another key than its own.",
    "check.tls.mitm.outside": "The certificate here is of an issuer whom nobody trusts; at the "
    "same address, from outside, it is valid.",
    "check.tls.certificate": "The certificate is not valid for the name, or is out of date. "
    "Undetermined, also if it is valid from outside but one of a trusted issuer comes here.",
    "check.tls.throttle.sni": "Paired transfers that differ in the name alone differ in speed.",
    "check.http.failing": "It connects, and the answer does not come, twice.",
    "check.mtproto.failing": "It connects, and a question in Telegram's own protocol is not "
    "answered, twice. Targeted if our server is answered at that address from outside.",
    "check.http.blockpage": "In place of the page comes one that says access is restricted. "
    "Undetermined, unless our own server, asked by this name over plain HTTP, shows one too, or "
    "the page is on the person's own list as a network's and from outside another one comes.",
    "check.http.refusal": "The site itself withholds the page, under its own certificate.",
    "check.redirect.failing": "The page it redirects to was not reached, or redirects have no end.",
    "check.site.error": "The site answers with a server error.",
    "check.slow.generalized": "It is slow, and so is every control.",
    "check.slow.server": "It is slow against fine controls, and from outside its server sends the "
    "same page as slowly.",
    "check.slow.undetermined": "It is slow against fine controls, and pairs do not show that it is "
    "the name.",
    "check.pairs.inconclusive": "Its page is fast, and the pairs hold some evidence without a "
    "decision.",
    # evenfall analyze: many nights (METHOD 4 and 5)
    "nights.window.pairs": "Paired transfers that differ in the name alone go wrong in recurring "
    "local hours, by slot rotation, with an effect beyond the gate.",
    "nights.window.difference": "The target goes wrong in recurring local hours while concurrent "
    "controls on other servers do not, by slot rotation, with an effect beyond the gate.",
    "nights.window.own_level": "The target goes wrong in recurring local hours against its own "
    "other hours, by slot rotation, with an effect beyond the gate. Never above L2.",
    "nights.always": "It goes wrong in all measured hours of five days or more, against the days "
    "outside and against other networks in the same hours, by Fisher's exact test over days. A "
    "share is enough if its speeds gather at one rate that other networks are free of.",
}
"""Rule id → one sentence: what it decides on what evidence."""
