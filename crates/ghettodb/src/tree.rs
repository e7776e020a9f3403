//! Records in git trees.
