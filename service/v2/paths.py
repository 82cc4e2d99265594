"""The paths of a model and of its versions."""

VERSION = "model_version"
"""Parameter of a path that names a version."""
OF_MODEL = {
    "/v2/models/{model_name}": ("model_name",),
    "/v2/models/{model_name}/versions/{model_version}": ("model_name", VERSION),
}
"""Where routes of a model begin, and the parameters there."""
