"""How to cite: one source, three files, and the write-up's own title."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from cosines.publishing.citation import citation

ROOT = Path(__file__).parents[1]
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}
DATE = {"type": "string", "pattern": r"^20\d\d-[01]\d-[0-3]\d$"}


def only(required, **properties):
    """A schema of an object with these properties and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required.split()}


# Terms of CodeMeta 3.0, and fields of Zenodo's deposits, that a software publication of ours may have.
PERSON = only("@type givenName familyName", **{"@type": {"const": "Person"}, "givenName": TEXT, "familyName": TEXT})
CODEMETA = only(
    "@context @type name description author version license",
    **{"@context": {"const": "https://w3id.org/codemeta/3.0"}, "@type": {"const": "SoftwareSourceCode"}},
    **dict.fromkeys("name identifier description version programmingLanguage runtimePlatform".split(), TEXT),
    author={"type": "array", "minItems": 1,
            "items": only("@type name", **{"@type": {"const": "Organization"}, "name": TEXT})},
    datePublished=DATE, keywords=TEXTS, softwareRequirements=TEXTS,
    license={"type": "string", "pattern": r"^https://spdx\.org/licenses/[A-Za-z0-9.-]+$"},
    codeRepository={"type": "string", "pattern": "^https://"},
    referencePublication=only(
        "@type @id name", **{"@type": {"const": "ScholarlyArticle"}},
        **{"@id": {"type": "string", "pattern": r"^https://doi\.org/10\."}}, name=TEXT,
        author={"type": "array", "items": PERSON}, datePublished={"type": "string", "pattern": r"^\d{4}$"}))
ZENODO = only(
    "upload_type title creators description access_right license",
    upload_type={"enum": ["publication", "poster", "presentation", "dataset", "image", "video", "software", "lesson",
                          "physicalobject", "other"]},
    access_right={"enum": ["open", "embargoed", "restricted", "closed"]},
    creators={"type": "array", "minItems": 1, "items": only("name", name=TEXT, affiliation=TEXT, orcid=TEXT)},
    **dict.fromkeys("title description license version".split(), TEXT), keywords=TEXTS, publication_date=DATE,
    language={"type": "string", "pattern": "^[a-z]{3}$"},
    related_identifiers={"type": "array", "items": only(
        "identifier relation", identifier=TEXT, resource_type={"enum": ["publication-conferencepaper", "software"]},
        relation={"enum": ["cites", "references", "isSupplementTo", "isDerivedFrom", "isDocumentedBy"]})})


@pytest.fixture(params=["", "https://github.com/some/where"], ids=["nowhere", "somewhere"])
def cited(tmp_path, request):
    """What would be written, without and with an address of the repository: files, and the address."""
    project = (ROOT / "pyproject.toml").read_text()
    if request.param:
        project = project.replace("[project.urls]\n", f'[project.urls]\nRepository = "{request.param}"\n')
    (tmp_path / "pyproject.toml").write_text(project)
    for path, text in citation(tmp_path).items():
        (tmp_path / path).write_text(text)
    return tmp_path, request.param


def cff_errors(path):
    """What the schema of the Citation File Format, as shipped with check-jsonschema, says of a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode else ""


def test_citation_cff_follows_its_schema(cited):
    path = cited[0] / "CITATION.cff"
    assert cff_errors(path) == ""
    path.write_text(path.read_text().replace("date-released: \"", "date-released: \"on "))
    assert "date-released" in cff_errors(path)


def test_codemeta_json_holds_terms_of_codemeta(cited):
    jsonschema.validate(json.loads((cited[0] / "codemeta.json").read_text()), CODEMETA)


def test_zenodo_json_holds_fields_of_a_deposit(cited):
    jsonschema.validate(json.loads((cited[0] / ".zenodo.json").read_text()), ZENODO)


def test_an_address_is_given_once_it_exists_and_no_other(cited):
    root, address = cited
    known = {"https://w3id.org/codemeta/3.0", "https://spdx.org/licenses/MIT", "https://doi.org/10.1145/3589335.3651526"}
    for name in ("CITATION.cff", "codemeta.json", ".zenodo.json"):
        found = set(re.findall(r"https?://[^\s\"]+", (root / name).read_text()))
        assert found - known == ({address} if address else set()), name


def test_no_doi_but_that_of_the_reproduced_paper(cited):
    for name in ("CITATION.cff", "codemeta.json", ".zenodo.json"):
        assert set(re.findall(r"10\.\d{4,}/[^\s\"]+", (cited[0] / name).read_text())) == {"10.1145/3589335.3651526"}


def test_the_write_up_has_the_title_and_the_authors_that_one_is_asked_to_cite():
    preamble = (ROOT / "paper" / "paper.tex").read_text().partition(r"\begin{document}")[0]
    zenodo = json.loads((ROOT / ".zenodo.json").read_text())
    assert re.search(r"\\title\{(.*)\}", preamble)[1] == zenodo["title"]
    assert re.search(r"\\author\{(.*)\}", preamble)[1] == ", ".join(creator["name"] for creator in zenodo["creators"])
    keywords = re.search(r"pdfkeywords=\{([^}]*)\}", preamble)[1]
    assert keywords == ", ".join(zenodo["keywords"])
