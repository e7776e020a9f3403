//! Runs git: the only place that does.
