"""How to cite this repository, made of pyproject.toml: CITATION.cff, codemeta.json and .zenodo.json.

All three say the same: title, authors, version, date, licence, keywords, and the publication that is reproduced.
"""

import json
import tomllib
from pathlib import Path

MADE = "# Made by `make figures` from pyproject.toml, as are codemeta.json and .zenodo.json; do not edit.\n"
MESSAGE = "If you use this repository, please cite it and the paper that it reproduces."


def citation(root):
    """Make the files that say how to cite.

    Parameters
    ----------
    root : Path
        Of the repository, whose pyproject.toml has a table ``[tool.cosines.citation]``.

    Returns
    -------
    dict of Path to str
        Path below the root, and what it must hold.
    """
    everything = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))
    project, cited = everything["project"], everything["tool"]["cosines"]["citation"]
    address = project.get("urls", {}).get("Repository")
    return {
        Path("CITATION.cff"): MADE + _yaml(_cff(project, cited, address)),
        Path("codemeta.json"): _json(_codemeta(project, cited, address)),
        Path(".zenodo.json"): _json(_zenodo(project, cited, address)),
    }


def _cff(project, cited, address):
    """The Citation File Format, 1.2.0."""
    paper = cited["reproduces"]
    return {
        "cff-version": "1.2.0",
        "message": MESSAGE,
        "title": cited["title"],
        "abstract": project["description"],
        "type": "software",
        "authors": [{"name": author["name"]} for author in project["authors"]],
        "version": project["version"],
        "date-released": cited["released"],
        "license": cited["license"],
        "keywords": project["keywords"],
        **({"repository-code": address} if address else {}),
        "references": [{
            "type": "conference-paper",
            "title": paper["title"],
            "authors": [{"family-names": family, "given-names": given} for given, family in paper["authors"]],
            "year": paper["year"],
            "collection-title": paper["collection"],
            "start": paper["pages"][0],
            "end": paper["pages"][1],
            "doi": paper["doi"],
            "identifiers": [{"type": "other", "value": f"arXiv:{paper['arxiv']}"}],
        }],
    }


def _codemeta(project, cited, address):
    """CodeMeta 3.0, in JSON-LD."""
    paper = cited["reproduces"]
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": cited["title"],
        "identifier": project["name"],
        "description": project["description"],
        "author": [{"@type": "Organization", "name": author["name"]} for author in project["authors"]],
        "version": project["version"],
        "datePublished": cited["released"],
        "license": f"https://spdx.org/licenses/{cited['license']}",
        "keywords": project["keywords"],
        **({"codeRepository": address} if address else {}),
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project['requires-python']}",
        "softwareRequirements": project["dependencies"],
        "referencePublication": {
            "@type": "ScholarlyArticle",
            "@id": f"https://doi.org/{paper['doi']}",
            "name": paper["title"],
            "author": [{"@type": "Person", "givenName": given, "familyName": family}
                       for given, family in paper["authors"]],
            "datePublished": str(paper["year"]),
        },
    }


def _zenodo(project, cited, address):
    """Metadata of a deposit on Zenodo, which reads them from a release on GitHub."""
    related = [{"identifier": cited["reproduces"]["doi"], "relation": "references",
                "resource_type": "publication-conferencepaper"}]
    if address:
        related.append({"identifier": address, "relation": "isSupplementTo", "resource_type": "software"})
    return {
        "upload_type": "software",
        "title": cited["title"],
        "creators": [{"name": author["name"]} for author in project["authors"]],
        "description": project["description"],
        "access_right": "open",
        "license": cited["license"],
        "version": project["version"],
        "publication_date": cited["released"],
        "language": "eng",
        "keywords": project["keywords"],
        "related_identifiers": related,
    }


def _json(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _yaml(value, indent=""):
    """Dicts, lists of these, and lists of text as YAML; text as JSON has it, which YAML reads as well."""
    lines = ""
    for key, one in value.items():
        if not isinstance(one, list):
            lines += f"{indent}{key}: {json.dumps(one, ensure_ascii=False)}\n"
            continue
        lines += f"{indent}{key}:\n"
        for item in one:
            text = _yaml(item, f"{indent}    ") if isinstance(item, dict) else json.dumps(item, ensure_ascii=False) + "\n"
            lines += f"{indent}  - {text.lstrip()}"
    return lines
