"""Reconstructs the surface of a scan as a closed mesh."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Failure, File, Job, operation
from examples.reconstruction.report import Report, measured
from examples.reconstruction.volumes.volume import Unusable

Threshold = Annotated[
    float | None,
    Field(description="voxels above this value are inside; by default Otsu's threshold"),
]
Millimetres = Annotated[float, Field(gt=0.001, le=1000)]
Spacing = Annotated[
    tuple[Millimetres, Millimetres, Millimetres] | None,
    Field(description="the distances between voxels in mm; overrides those in the file"),
]
Resolution = Annotated[
    Millimetres | None,
    Field(description="the edge length, in mm, of the cubes to which the scan is resampled"),
]
Reduction = Annotated[
    float,
    Field(ge=0, le=0.95, description="the share of the triangles to remove"),
]


class Reconstructed(BaseModel):
    """A mesh in three formats, with a preview and a report."""

    files: Annotated[
        list[File],
        Field(description="`mesh.ply`, `mesh.stl`, `mesh.glb`, `preview.png`, `report.json`"),
    ]
    report: Report


@operation(
    time_limit="30m",
    max_active=100,
    max_running=2,
    isolation="process",
    memory_limit="2GiB",
    stop_grace="100ms",
    max_retries=1,
)
def reconstruct(
    file: File,
    threshold: Threshold = None,
    spacing: Spacing = None,
    resolution: Resolution = None,
    reduction: Reduction = 0.7,
    *,
    job: Job,
) -> Reconstructed:
    """Reconstruct the surface of a scan: NIfTI, or a zip archive of DICOM slices or images.

    Coordinates are in millimetres, with axes towards the patient's right, front and head. The GLB
    file is in metres, with the head up.
    """
    job.step("Loading the libraries")
    from examples.reconstruction.meshes.files import write  # noqa: PLC0415 — not in web
    from examples.reconstruction.meshes.grid import resampled, usual_edge  # noqa: PLC0415
    from examples.reconstruction.meshes.preview import preview  # noqa: PLC0415
    from examples.reconstruction.meshes.simplify import simplified  # noqa: PLC0415
    from examples.reconstruction.meshes.surface import otsu, placed, surface  # noqa: PLC0415
    from examples.reconstruction.volumes.opening import opened  # noqa: PLC0415

    assert file.path is not None
    try:
        with opened(file.path, spacing) as scan:
            for note in scan.notes:
                job.log(note)
            job.stage("Reading the slices", 50)
            grid = resampled(scan, resolution or usual_edge(scan), job.track)
        level = otsu(grid.values) if threshold is None else threshold
        job.stage("Finding the surface", 25)
        found = surface(grid, level, job.track)
    except Unusable as error:
        raise Failure(str(error), retryable=False) from error
    job.stage("Simplifying", 15)
    mesh = placed(simplified(found, reduction, job.track), grid)

    job.stage("Drawing and writing")
    report = measured(mesh, grid, level, scan)
    made: list[File] = []

    def new(name: str, media_type: str) -> Path:
        made.append(job.files.new(name, media_type))
        assert made[-1].path is not None  # because the file is new
        return made[-1].path

    write(mesh, new)
    preview(mesh, job.track).save(new("preview.png", "image/png"))
    new("report.json", "application/json").write_text(report.model_dump_json(indent=2))
    return Reconstructed(files=made, report=report)
