"""Prints the template that CloudFormation takes without SAM: no transform and no local files.

CloudFormation accepts no transform in a stack set with service-managed permissions, and SAM needs the source code to
deploy. The plain template takes the function's zip from a bucket, and contains the state machine. Its resources are
those of template.yaml, as SAM transforms them.
"""

import json

import boto3
import yaml
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from crates import ROOT, VERSION

# The name of a zip of this release, as an expression of CloudFormation.
ZIP = f"secret-replicator-{VERSION}-${{Architecture}}.zip"

PARAMETERS = {
    "CodeBucket": {
        "Type": "String",
        "Description": (
            "Bucket with the function's zip, in the Region of the stack. For several Regions, one bucket each: the "
            "word REGION in the name is replaced, for instance artifacts-REGION."
        ),
        "AllowedPattern": "^(?=.{3,63}$)[a-z0-9.-]*(REGION)?[a-z0-9.-]*$",
        "ConstraintDescription": "must be the name of a bucket, which may contain the word REGION once",
    },
    "CodeKey": {
        "Type": "String",
        "Default": "",
        "Description": "Key of the function's zip in the bucket. Default: the name of the release's zip.",
    },
}
CONDITIONS = {"HasCodeKey": {"Fn::Not": [{"Fn::Equals": [{"Ref": "CodeKey"}, ""]}]}}


def part(index, text):
    """Returns a part of a text between the words REGION, as an expression of CloudFormation."""
    return {"Fn::Select": [index, {"Fn::Split": ["REGION", {"Fn::Sub": text}]}]}


# Before the word, the Region, and after the word. The last two are empty for a name without the word. A condition could
# not split the name.
BUCKET = [
    part(0, "${CodeBucket}"),
    part(2, "${CodeBucket}REGION${AWS::Region}REGION"),
    part(1, "${CodeBucket}REGION"),
]
CODE = {
    "S3Bucket": {"Fn::Join": ["", BUCKET]},
    "S3Key": {"Fn::If": ["HasCodeKey", {"Ref": "CodeKey"}, {"Fn::Sub": ZIP}]},
}


class Dumper(yaml.SafeDumper):
    """Writes no anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data):
        return True


Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
))


def transformed(template):
    """Returns the template as SAM's transform makes it, with places for the code and the state machine."""
    somewhere = {"Bucket": "bucket", "Key": "key"}
    template["Resources"]["Replicator"]["Properties"]["CodeUri"] = somewhere
    template["Resources"]["Sweep"]["Properties"]["DefinitionUri"] = somewhere
    # The transform asks boto3 for the partition only.
    session = boto3.Session(region_name="us-east-1")
    return Translator({}, Parser(), boto_session=session).translate(template, parameter_values={})


def plain():
    """Returns the plain template."""
    template = transformed(yaml_parse((ROOT / "template.yaml").read_text()))
    template["Parameters"] = PARAMETERS | dict(template["Parameters"])
    template["Conditions"] = dict(template["Conditions"]) | CONDITIONS
    resources = template["Resources"]
    resources["Replicator"]["Properties"]["Code"] = CODE
    # Another zip can have another built-in policy.
    resources["PolicyCheck"]["Properties"]["Code"] = CODE
    # How SAM builds the code.
    for name in ("BuildMethod", "BuildProperties"):
        del resources["Replicator"]["Metadata"][name]
    sweep = resources["Sweep"]["Properties"]
    del sweep["DefinitionS3Location"]
    sweep["Definition"] = yaml.safe_load((ROOT / "sweep.asl.yaml").read_text())
    metadata = template["Metadata"]
    del metadata["AWS::ServerlessRepo::Application"]
    groups = metadata["AWS::CloudFormation::Interface"]["ParameterGroups"]
    groups.append({"Label": {"default": "Code"}, "Parameters": list(PARAMETERS)})
    return json.loads(json.dumps(template))


if __name__ == "__main__":
    print(f"# secret-replicator {VERSION}. Generated from template.yaml; docs/DEPLOY.md describes its deployment.")
    print(yaml.dump(plain(), Dumper=Dumper, sort_keys=False, width=110), end="")
