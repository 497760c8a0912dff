#!/usr/bin/env python3
"""Keeps of a page of search results what is fit for a profile or a group.

    PREAU_TOKEN_FILE=/etc/preau/check.token filter_results.py --group pupils results.json

Reads a JSON array of {"url", "title", "snippet"} and prints those that are kept, in their order; on
standard error, why each of the others is not. Where preau cannot be asked, none is kept: a portal for
children shows an empty page rather than an unfiltered one. Standard library only.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request

URL = os.environ.get("PREAU_URL", "http://127.0.0.1:9380")
TOKEN_FILE = os.environ.get("PREAU_TOKEN_FILE", "/etc/preau/check.token")


class NotAsked(Exception):
    """The filter gave no answer; the text says why."""


def check(audience, results):
    """The answer of preau to a page of results: a dictionary with `answers` and `kept`."""
    with open(TOKEN_FILE, encoding="ascii") as file:
        token = file.read().strip()
    fields = ("url", "title", "snippet")
    items = [{key: result.get(key) or "" for key in fields} for result in results]
    request = urllib.request.Request(
        URL + "/v1/check",
        data=json.dumps({**audience, "items": items}).encode(),
        headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        problem = json.load(error)  # RFC 9457
        raise NotAsked(f"{problem['title']} : {problem['detail']}") from error
    except OSError as error:
        raise NotAsked(str(error)) from error


def main():
    parser = argparse.ArgumentParser(description="Filter a page of search results.")
    audience = parser.add_mutually_exclusive_group(required=True)
    audience.add_argument("--profile", help="such as child")
    audience.add_argument("--group", help="a [[group]] of preau's configuration")
    parser.add_argument("results", type=argparse.FileType(encoding="utf-8"))
    arguments = parser.parse_args()
    results = json.load(arguments.results)
    chosen = {key: getattr(arguments, key) for key in ("profile", "group")}
    try:
        answer = check({key: name for key, name in chosen.items() if name}, results)
    except NotAsked as error:
        print("[]")
        sys.exit(f"filtre indisponible : {error}")
    for result, one in zip(results, answer["answers"]):
        if one["verdict"] != "allowed":
            print(f"{result['url']}: {one['reason']['text']}", file=sys.stderr)
    json.dump([results[place] for place in answer["kept"]], sys.stdout, ensure_ascii=False, indent=2)
    print()


if __name__ == "__main__":
    main()
