//! A JSON database that lives in git
