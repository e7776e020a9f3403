//! GitHub's repository dispatches, locally: event to workflow file to binary
