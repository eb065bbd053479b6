//! Whose lines are whose.

/// Who wrote lines: an earlier life, or another lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The envelope's `id`.
    pub id: String,
    /// The envelope's `sink`.
    pub sink: String,
}
