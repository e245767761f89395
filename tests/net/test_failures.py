"""Errors are told apart by number."""

from __future__ import annotations

import errno
import socket

import pytest

from evenfall.model.vocabulary import FAILURES
from evenfall.net import failures
from evenfall.net.failures import from_gaierror, from_oserror


@pytest.mark.parametrize("text", ["Connection refused", "Соединение отклонено", ""])
def test_the_text_does_not_matter(text):
    """The same errno gives the same code in every language."""
    assert from_oserror(OSError(errno.ECONNREFUSED, text), "connect").code == "connection_refused"


def test_every_code_is_in_the_vocabulary():
    """Nothing is mapped to a word that the data dictionary does not have."""
    codes = {*failures._BY_ERRNO.values(), *failures._BY_EAI.values()}
    assert codes <= set(FAILURES)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EPERM, errno.ENOBUFS])
def test_our_own_faults_are_not_interference(number):
    """A full descriptor table or a local firewall keeps its name and blames nobody."""
    failure = from_oserror(OSError(number, "x"), "connect")
    assert failure.code == f"unknown_failure: {errno.errorcode[number]}"


def test_names_that_do_not_exist_and_resolvers_that_cannot_answer():
    """Getaddrinfo's NONAME is a statement about the name, AGAIN about the resolver."""
    assert from_gaierror(socket.gaierror(socket.EAI_NONAME, "x")).code == "dns_nxdomain_error"
    assert from_gaierror(socket.gaierror(socket.EAI_AGAIN, "x")).code == "dns_temporary_failure"
    assert from_gaierror(socket.gaierror(-999, "x")).code == "unknown_failure: EAI -999"
