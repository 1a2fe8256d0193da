"""What reviewers said of sightings, made into pictures to learn from."""
