"""Agreement of measures with scores over layers."""
