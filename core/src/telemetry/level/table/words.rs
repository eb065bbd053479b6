//! Words that loggers write for levels, and how they are found: by their first letter.

use super::super::Level::{self, Debug, Error, Fatal, Info, Trace, Warn};

/// Words for levels, in lower case; of those with the same letter the frequent ones first, since they are searched in this order.
pub(in super::super) const WORDS: [(Level, &[&str]); 6] = [
    (
        Info,
        &["info", "inf", "information", "informational", "notice", "noti", "note"],
    ),
    (Error, &["error", "err", "erro", "eror", "fail", "failure", "severe"]),
    (Warn, &["warn", "warning", "wrn"]),
    (Debug, &["debug", "dbug", "dbg", "debg", "debu", "fine", "config"]),
    (
        Fatal,
        &[
            "fatal",
            "critical",
            "crit",
            "ftl",
            "fata",
            "fatl",
            "emerg",
            "emergency",
            "alert",
            "panic",
            "pani",
            "pnc",
            "dpanic",
            "fault",
        ],
    ),
    (
        Trace,
        &[
            "trace", "trce", "trc", "trac", "verbose", "verb", "vrb", "finer", "finest", "silly",
        ],
    ),
];

/// Words that are levels only where nothing else can be meant: as a member, in brackets, between separators.
pub(in super::super) const WORDS_AS_VALUES: [(Level, &[&str]); 1] =
    [(Info, &["log", "http", "success", "default", "audit"])];

/// Words that are believed in any case behind a time.
pub(in super::super) const PLAIN_WORDS: [&str; 8] = [
    "info", "error", "warn", "warning", "debug", "fatal", "critical", "trace",
];

/// The level of a word, in any case.
pub(in super::super) fn find_word(word: &str) -> Option<Level> {
    find_in(word, false)
}

/// The level of a word that can be nothing else.
pub(in super::super) fn find_value(word: &str) -> Option<Level> {
    find_in(word, true)
}

fn find_in(word: &str, is_value: bool) -> Option<Level> {
    // A word is a handful of letters: most that are looked at are none of them.
    if !(2..=13).contains(&word.len()) {
        return None;
    }
    let letter = word.as_bytes().first()?.to_ascii_lowercase().checked_sub(b'a')?;
    let of_letter = BY_LETTER
        .starts
        .get(usize::from(letter))
        .zip(BY_LETTER.starts.get(usize::from(letter) + 1));
    let (start, end) = of_letter?;
    let words = BY_LETTER.words.get(*start..*end)?;
    let found = words
        .iter()
        .find(|known| (is_value || !known.is_value) && word.eq_ignore_ascii_case(known.word));
    found.map(|known| known.level)
}

/// A word of [`WORDS`], or of [`WORDS_AS_VALUES`].
#[derive(Clone, Copy)]
struct Known {
    word: &'static str,
    level: Level,
    is_value: bool,
}

const COUNT: usize = count(&WORDS) + count(&WORDS_AS_VALUES);

/// All words by their first letter: those of the letter `n` are from `starts[n]` to `starts[n + 1]`.
struct ByLetter {
    words: [Known; COUNT],
    starts: [usize; 27],
}

static BY_LETTER: ByLetter = by_letter();

#[allow(
    clippy::indexing_slicing,
    reason = "at compile time, where an index out of bounds is an error"
)]
const fn count(table: &[(Level, &[&str])]) -> usize {
    let (mut row, mut count) = (0, 0);
    while row < table.len() {
        count += table[row].1.len();
        row += 1;
    }
    count
}

#[allow(
    clippy::indexing_slicing,
    reason = "at compile time, where an index out of bounds is an error"
)]
const fn by_letter() -> ByLetter {
    let none = Known {
        word: "",
        level: Info,
        is_value: false,
    };
    let mut sorted = ByLetter {
        words: [none; COUNT],
        starts: [0; 27],
    };
    let (mut letter, mut filled) = (0, 0);
    while letter < 26 {
        sorted.starts[letter] = filled;
        filled = put(&WORDS, false, letter, &mut sorted.words, filled);
        filled = put(&WORDS_AS_VALUES, true, letter, &mut sorted.words, filled);
        letter += 1;
    }
    sorted.starts[26] = filled;
    sorted
}

/// Appends the words of a table that begin with this letter.
#[allow(
    clippy::indexing_slicing,
    reason = "at compile time, where an index out of bounds is an error"
)]
const fn put(
    table: &[(Level, &'static [&'static str])],
    is_value: bool,
    letter: usize,
    words: &mut [Known; COUNT],
    mut filled: usize,
) -> usize {
    let mut row = 0;
    while row < table.len() {
        let (level, row_words) = table[row];
        let mut at = 0;
        while at < row_words.len() {
            if row_words[at].as_bytes()[0] as usize == b'a' as usize + letter {
                words[filled] = Known {
                    word: row_words[at],
                    level,
                    is_value,
                };
                filled += 1;
            }
            at += 1;
        }
        row += 1;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_any_case_and_nothing_else() {
        for (tables, is_value) in [(WORDS.as_slice(), false), (WORDS_AS_VALUES.as_slice(), true)] {
            for (level, words) in tables {
                for word in *words {
                    let written = [word.to_string(), word.to_ascii_uppercase()];
                    for word in &written {
                        assert_eq!(find_value(word), Some(*level), "{word}");
                        assert_eq!(find_word(word), (!is_value).then_some(*level), "{word}");
                        assert_eq!(find_value(&format!("{word}x")), None, "{word}x");
                    }
                }
            }
        }
        for other in ["", "i", "é", "infö", "{nfo", "zebra", "warningwarning", "@rror"] {
            assert_eq!(find_value(other), None, "{other}");
        }
    }
}
