//! The kinds of problems: what each is called, and how bad it is.

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something cannot be read, or is not what it claims to be.
    Error,
    /// Everything can be read, but something is not as this database writes it.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal $severity:ident,)*) => {
        /// A kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            /// As it is printed.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$code => $name,)*
                }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self {
                    $(Code::$code => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// The text is not JSON.
    NotJson = "not-json" Error,
    /// Conflict markers of a merge stand in the text.
    ConflictMarker = "conflict-marker" Error,
    /// A key stands twice in an object.
    DuplicateKey = "duplicate-key" Error,
    /// A number is larger than a double can hold.
    NumberRange = "number-range" Error,
    /// The text is nested deeper than 128.
    TooDeep = "too-deep" Error,
    /// The file is larger than 1 MiB.
    TooLarge = "too-large" Error,
    /// The text is not UTF-8.
    NotUtf8 = "not-utf8" Error,
    /// The text is JSON, but no object.
    NotAnObject = "not-an-object" Error,
    /// A byte order mark stands before the text.
    ByteOrderMark = "byte-order-mark" Warning,
    /// `_id` is not the file's name.
    IdMismatch = "id-mismatch" Error,
    /// `_id` is missing.
    IdMissing = "id-missing" Warning,
    /// The name of a table or record does not stand on every file system.
    BadName = "bad-name" Error,
    /// Two names differ by case or Unicode form alone.
    NameClash = "name-clash" Error,
    /// A symbolic link.
    Symlink = "symlink" Error,
    /// A submodule.
    Submodule = "submodule" Error,
    /// An executable file.
    Executable = "executable" Error,
    /// A mode that git does not write today, such as 100664.
    Mode = "mode" Warning,
    /// A directory where a record belongs.
    StrayDirectory = "stray-directory" Error,
    /// A `*.json` file directly in `db/`, where it belongs to no table.
    StrayFile = "stray-file" Warning,
    /// `db`, or a fan-out directory, is a file.
    NotADirectory = "not-a-directory" Error,
    /// A record has two files.
    Twice = "twice" Error,
    /// A file stands in the fan-out directory of other ids.
    Misplaced = "misplaced" Error,
    /// Files of a table stand otherwise than its settings say.
    Layout = "layout" Warning,
    /// The settings of a table make no sense.
    Settings = "settings" Error,
    /// A record does not keep the schema of its table.
    Schema = "schema" Error,
    /// A value of a unique field stands in two records.
    Unique = "unique" Error,
    /// A record of the journal has no key.
    JournalKey = "journal-key" Error,
    /// The `_id` of a record of the journal is not the SHA-256 of its key.
    JournalId = "journal-id" Error,
    /// Two records of the journal have the same key.
    JournalTwice = "journal-twice" Error,
    /// git found an object that is missing, damaged or malformed.
    Objects = "objects" Error,
    /// git has something to say about an object.
    ObjectsWarning = "objects-warning" Warning,
    /// An acknowledged key is not in the journal.
    KeyMissing = "key-missing" Error,
    /// The record of an acknowledged key was added more than once.
    KeyTwice = "key-twice" Error,
    /// The record of an acknowledged key is not as it was added.
    KeyChanged = "key-changed" Error,
}
