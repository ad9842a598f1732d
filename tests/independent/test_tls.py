"""The roots in the function are Amazon's, as those who decide on the roots of browsers know them."""

import re
import ssl

import certifi

from template import ROOT

CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)


def certificates(text):
    return {ssl.PEM_cert_to_DER_cert(found) for found in CERTIFICATE.findall(text)}


def test_the_roots_are_all_of_amazons_that_are_generally_trusted():
    listed = open(certifi.where()).read()
    # Each certificate stands below a comment with its name.
    entries = re.split(r"(?=^# Issuer: )", listed, flags=re.M)
    amazons = [entry for entry in entries if re.match("# Issuer: .*(Amazon|Starfield Services)", entry)]
    trusted = (ROOT / "src/secrets_manager/amazon_roots.pem").read_text()

    assert certificates(trusted) == certificates("".join(amazons))
    assert len(amazons) == 5
