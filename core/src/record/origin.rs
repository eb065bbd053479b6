//! Owners of lines.

/// Who numbered lines: one `id`, towards one sink. Lines of an earlier process or of another lane keep theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// The envelope's `id`.
    pub id: String,
    /// The envelope's `sink`.
    pub sink: String,
}
