"""Telemetry of footage: subtitles beside a video, and the pose of each frame that they give."""
