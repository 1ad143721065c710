"""The routes of the server itself: its health, its workers and its documents."""

from typing import Final

from callboard.api.media import JSON
from callboard.api.openapi.description import HTML, Answer, Description, Descriptions
from callboard.api.problems import table

_FLEET: Final = "Fleet"
_ABOUT: Final = "About"


def _page(schema: str) -> Answer:
    """Give the answer that is a page for people and data for programs."""
    return Answer(
        says="A page, or data.",
        schema=schema,
        also={HTML: "Page"},
        headers=("Vary",),
        perhaps=("Content-Security-Policy", "Referrer-Policy"),
    )


DESCRIPTIONS: Final[Descriptions] = {
    ("/v1/workers", "GET"): Description(
        id="listWorkers",
        tag=_FLEET,
        summary="List workers",
        says="Lists the workers that live, and what they run. For operators.",
        answers={200: Answer(says="All workers.", schema="WorkerPage", headers=("Vary",))},
    ),
    ("/problems", "GET"): Description(
        id="listProblemTypes",
        tag=_ABOUT,
        summary="List types of problems",
        says="Lists what the `type` of an error can be.",
        answers={200: _page("ProblemTypePage")},
    ),
    ("/problems/{slug}", "GET"): Description(
        id="getProblemType",
        tag=_ABOUT,
        summary="Look at a type of problem",
        says="Says what happened and what to do.",
        answers={200: _page("ProblemType")},
        problems=(table.NOT_FOUND,),
    ),
    ("/healthz", "GET"): Description(
        id="isAlive",
        tag=_FLEET,
        summary="Ask whether the process lives",
        says="Looks at nothing outside, so that no outage has processes restarted.",
        answers={200: Answer(says="It lives.", schema="Alive", headers=("Vary",))},
    ),
    ("/readyz", "GET"): Description(
        id="isReady",
        tag=_FLEET,
        summary="Ask whether jobs can be taken",
        says="Names Redis, RabbitMQ, the workers and the queues, each with how it is.",
        answers={200: Answer(says="They can.", schema="Readiness", headers=("Vary",))},
        problems=(table.NOT_READY, table.DRAINING),
    ),
    ("/openapi.json", "GET"): Description(
        id="getOpenApiDocument",
        tag=_ABOUT,
        summary="Fetch this document",
        says="Gives the OpenAPI document of this server as it is now.",
        parameters=("If-None-Match",),
        answers={
            200: Answer(
                says="The document.",
                schema="OpenApiDocument",
                media=(JSON,),
                headers=("ETag",),
            ),
            304: Answer(says="The document is as the client knows it.", headers=("ETag",)),
        },
    ),
    ("/docs/assets/{digest}/{file}", "GET"): Description(
        id="getDocsAsset",
        tag=_ABOUT,
        summary="Load a part of the page",
        says="Gives a file that `/docs` loads.",
        answers={
            200: Answer(
                says="A script or a style.",
                schema="Page",
                media=("text/css", "text/javascript"),
            )
        },
        problems=(table.NOT_FOUND,),
    ),
    ("/", "GET"): Description(
        id="getIndex",
        tag=_ABOUT,
        summary="Find the way",
        says="Leads people to `/docs`, and says to programs where things are.",
        answers={
            200: Answer(says="Where things are.", schema="Index", headers=("Vary",)),
            302: Answer(says="The page is there.", headers=("Location", "Vary")),
        },
    ),
    ("/docs", "GET"): Description(
        id="readDocs",
        tag=_ABOUT,
        summary="Read about this API",
        says="Shows this document, and lets you try it.",
        answers={
            200: Answer(
                says="A page.",
                schema="Page",
                media=(HTML,),
                headers=("Content-Security-Policy", "Referrer-Policy"),
            )
        },
    ),
}
