"""Lists the packages to install; everything else about the project stands in pyproject.toml."""

from setuptools import find_packages, setup

# The same folders as `package-dir` of pyproject.toml: name of the package -> folder.
FOLDERS = {
    "crawlmill": "src/crawlmill",
    "crawlmill.mappers": "mappers",
    "crawlmill.reducers": "reducers",
    "crawlmill.jobs": "jobs",
    "crawlmill.spark_apps": "spark_apps",
}

setup(
    packages=[
        name
        for package, folder in FOLDERS.items()
        for name in (package, *(f"{package}.{inner}" for inner in find_packages(folder)))
    ]
)
