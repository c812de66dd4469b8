"""A first FDL, which applies as it is and says what can be changed."""

from __future__ import annotations

import json

from oscarcli.coercion import YAML_NOT_TEXT
from oscarcli.fdl.script_templates import SCRIPT_NAME

FDL_NAME = "fdl.yaml"
# A bucket has at least so many characters.
MIN_BUCKET_CHARACTERS = 3

FDL = """\
# A service for OSCAR. 'oscar-cli apply {fdl}' creates it, 'oscar-cli validate {fdl}' checks this file.
functions:
  oscar:
  # The id of the cluster the service goes to, as 'oscar-cli cluster list' shows it, or default-cluster.
  - default-cluster:
      name: {name}
      # The container image in which the script runs.
      image: {image}
      script: {script}

      # What each container may use. Kubernetes quantities: 500m or 0.5 cores; 512Mi, 2Gi.
      cpu: '0.5'
      memory: 256Mi

      # Each file that is uploaded to this bucket and folder starts a job:
      # oscar-cli service put-file {name} FILE
      input:
      - storage_provider: minio.default
        path: {bucket}/input
      # What the script leaves in the folder $TMP_OUTPUT_DIR is stored here:
      # oscar-cli service get-file {name} --download-latest-into=.
      output:
      - storage_provider: minio.default
        path: {bucket}/output
        # suffix: ['.txt']        # store only files that end so

      # How much the job's log tells besides the script's own words: CRITICAL (nothing), INFO, DEBUG.
      # log_level: INFO

      # Variables for the script. Values of secrets are better kept out of this file:
      # oscar-cli apply {fdl} --env-file FILE
      # environment:
      #   variables:
      #     MODEL: small
      #   secrets:
      #     API_KEY:

      # Run the image's own server all the time and publish its port, instead of running jobs:
      # expose:
      #   api_port: 8080
      #   min_scale: 1
      #   max_scale: 5
      #   default_command: true
"""


def fdl_text(name: str, image: str) -> str:
    """Return a commented FDL of one service.

    Args:
        name: the service's name; its bucket has the same, unless that is too short.
        image: the container image.
    """
    bucket = name if len(name) >= MIN_BUCKET_CHARACTERS else f"{name}-files"
    return FDL.format(name=_plain(name), image=_plain(image), script=SCRIPT_NAME, fdl=FDL_NAME, bucket=bucket)


def _plain(text: str) -> str:
    """Return text as a YAML value: as it is where that is clear, else in quotation marks."""
    is_clear = text[:1].isalpha() and all(c.isalnum() or c in "-._/:@" for c in text) and text.isascii()
    is_text = not text.endswith(":") and text.lower() not in YAML_NOT_TEXT
    return text if is_clear and is_text else json.dumps(text)
