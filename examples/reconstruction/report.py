"""What is measured of a reconstruction."""

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from examples.reconstruction.meshes.grid import Grid
    from examples.reconstruction.meshes.surface import Mesh
    from examples.reconstruction.volumes.volume import Volume


class Report(BaseModel):
    """The mesh, measured."""

    volume_mm3: float
    surface_mm2: float
    voxel_volume_mm3: Annotated[float, Field(description="the volume of the cubes inside")]
    closed: Annotated[bool, Field(description="whether each edge has two triangles")]
    pieces: Annotated[int, Field(description="separate surfaces, those of cavities included")]
    triangles: int
    threshold: float
    spacing: Annotated[list[float], Field(description="the distances of the scan's voxels, in mm")]
    resolution: Annotated[float, Field(description="the edge of the cubes, in mm")]


def measured(mesh: "Mesh", grid: "Grid", threshold: float, scan: "Volume") -> Report:
    """Measure a mesh in mm, and the grid that it was found in."""
    from examples.reconstruction.meshes.measures import area_of, is_closed, pieces_of, volume_of  # noqa: PLC0415

    return Report(
        volume_mm3=volume_of(mesh),
        surface_mm2=area_of(mesh),
        voxel_volume_mm3=float((grid.values > threshold).sum()) * grid.cube,
        closed=is_closed(mesh),
        pieces=pieces_of(mesh)[0],
        triangles=len(mesh.triangles),
        threshold=threshold,
        spacing=list(scan.spacing),
        resolution=grid.edge,
    )
