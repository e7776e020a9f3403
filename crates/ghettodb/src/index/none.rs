//! In place of the index where the crate is built without it: there is none.

pub(crate) enum Index {}

impl Index {
    pub(crate) fn note(&self) -> Option<String> {
        match *self {}
    }
}
