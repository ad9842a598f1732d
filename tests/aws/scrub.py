"""Removes from the answers what identifies an account, a person or a value.

Answers are sent to others. `Scrubber` replaces. `refuse_if_unclean` is the second line of defense: it reads the
text of the file and raises an error before the file is written.
"""

import re

ACCOUNT, PRINCIPAL, ACCESS_KEY = "<account>", "<principal>", "<access-key>"
# IAM and STS ARNs name users, roles and sessions. They end at a blank or a quotation mark.
PRINCIPALS = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::[^\s\"',]*")
# A name of an entity in AWS's texts without ARN: "User: NAME is not authorized".
USERS = re.compile(r"(?<=User: )\S+")
IDENTIFIERS = re.compile(r"\b(?:A[A-Z]{2}A|ABIA|ACCA)[A-Z0-9]{12,}(?::[^\s\"',]+)?")
UUIDS = re.compile(r"(?:mrk-[0-9a-f]{32}|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b", re.I)
# Also inside of a longer word, such as the name of a queue with the account's ID.
ACCOUNTS = re.compile(r"(?<!\d)\d{12}(?!\d)")
ADDRESSES = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b", re.I)
EMAILS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# The members of events that describe the caller. Their presence is an answer, their content is not.
CALLER = {"userIdentity", "sourceIPAddress", "userAgent", "tlsDetails", "vpcEndpointId", "sharedEventID"}
TOKENS = {"clientRequestToken", "ClientRequestToken", "NextToken", "nextToken"}


class Unclean(Exception):
    """The text still contains what must not leave the account."""


class Scrubber:
    """Replaces consistently: equal identifiers stay equal, so that an answer can compare versions."""

    def __init__(self, values=()):
        self.values = values
        self.names = {}

    def scrubbed(self, data):
        """Returns data of JSON without identifying content."""
        if isinstance(data, dict):
            return {self.text(str(key)): self.member(key, value) for key, value in data.items()}
        if isinstance(data, list | tuple | set):
            return [self.scrubbed(value) for value in data]
        if data is None or isinstance(data, bool | float):
            return data
        if isinstance(data, int):
            return data if not ACCOUNTS.fullmatch(str(data)) else ACCOUNT
        return self.text(str(data))

    def member(self, key, value):
        if key in CALLER:
            return f"<{type(value).__name__}>"
        if key in TOKENS and value is not None:
            return "<token>"
        return self.scrubbed(value)

    def text(self, text):
        for value in self.values:
            text = text.replace(value, "<value>")
        text = PRINCIPALS.sub(PRINCIPAL, text)
        text = USERS.sub(PRINCIPAL, text)
        text = IDENTIFIERS.sub(ACCESS_KEY, text)
        text = UUIDS.sub(self.name, text)
        text = ACCOUNTS.sub(ACCOUNT, text)
        text = EMAILS.sub("<email>", text)
        return ADDRESSES.sub("<address>", text)

    def name(self, match):
        """Returns the same name for the same identifier: `<id-1>`."""
        return self.names.setdefault(match[0].lower(), f"<id-{len(self.names) + 1}>")


def refuse_if_unclean(text, values=()):
    """Raises `Unclean` if the text contains an account ID, a principal, an address or a value."""
    patterns = (PRINCIPALS, IDENTIFIERS, UUIDS, ACCOUNTS, ADDRESSES, EMAILS)
    found = [match[0] for pattern in patterns for match in pattern.finditer(text)]
    found += ["a value of a secret" for value in values if value in text]
    if found:
        raise Unclean(f"{len(found)} parts of the answers identify an account or a value; nothing is written")
