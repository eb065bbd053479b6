//! The forwarder's own grammar of routes, compiled to WebAssembly: one parser for the extension and for the CDK construct.
//!
//! Plain exports, no bindings: the host asks for memory with [`allocate`], writes UTF-8 into it, and reads the answer of
//! [`check`] from the address that is in the lower half of its result, with the length in the upper half.
//!
//! The question is text in lines, with line feeds written as `\n` and backslashes as `\\`: the names of the sinks, each ended
//! by U+001F; then either `text` and the whole table, or `rules` and for each rule its condition and its targets, each
//! target ended by U+001F. The answer has one mistake a line, escaped likewise; an empty answer means: correct.

#![cfg_attr(test, allow(clippy::indexing_slicing))]

use forwarder_core::route::Routes;

/// Ends each name of a list: U+001F, INFORMATION SEPARATOR ONE, which no name has.
const END: char = '\u{1f}';

/// Answers a question. See the crate for both formats.
pub fn answer(question: &str) -> String {
    let mut lines = question.split('\n').map(unescape);
    let sinks = lines.next().unwrap_or_default();
    let sinks: Vec<&str> = sinks.split_terminator(END).collect();
    let mut rules = Vec::new();
    let routes = match lines.next().as_deref() {
        Some("text") => Routes::parse(&lines.next().unwrap_or_default(), &sinks),
        _ => {
            while let (Some(condition), Some(targets)) = (lines.next(), lines.next()) {
                rules.push((condition, targets.split_terminator(END).map(str::to_owned).collect()));
            }
            Routes::parse_tables(&rules, &sinks)
        }
    };
    let mistakes = routes.err().unwrap_or_default();
    let mistakes: Vec<_> = mistakes.iter().map(|mistake| escape(&mistake.to_string())).collect();
    mistakes.join("\n")
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => plain.extend(chars.next().map(|escaped| if escaped == 'n' { '\n' } else { escaped })),
            (char, false) => plain.push(char),
        }
    }
    plain
}

/// Memory of `length` bytes for a question. It is never freed: a module answers some questions and is dropped whole.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(length: usize) -> *mut u8 {
    Vec::leak(vec![0_u8; length]).as_mut_ptr()
}

/// Answers the question of `length` bytes at `question`, memory from [`allocate`]: the answer's address in the lower 32
/// bits, its length in the upper ones.
///
/// # Safety
/// `question` is from [`allocate`], with this length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn check(question: *const u8, length: usize) -> u64 {
    // SAFETY: by contract, `length` bytes that `allocate` made.
    let question = unsafe { std::slice::from_raw_parts(question, length) };
    let answer = answer(&String::from_utf8_lossy(question)).into_bytes().leak();
    (answer.len() as u64) << 32 | (answer.as_ptr() as u64 & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_its_rules_one_by_one_are_the_same_grammar() {
        let right = "kinesis\u{1f}stdout\u{1f}\ntext\nfunction -> kinesis;\\n* -> stdout";
        assert_eq!(answer(right), "");
        let rules = "kinesis\u{1f}\nrules\nfunction level>=error\nkinesis\u{1f}\n*\nkinesis\u{1f}drop\u{1f}";
        assert_eq!(
            answer(rules),
            "rule 2 `* -> kinesis, drop`: `drop` goes alone or not at all"
        );
        let two = answer("kinesis\u{1f}\ntext\nfunctoin -> kinesis; function text~/\\\\(/ -> x");
        let two: Vec<_> = two.split('\n').collect();
        assert!(
            two[0].starts_with("rule 1 `functoin -> kinesis`: unknown selector"),
            "{two:?}"
        );
        assert!(two[1].starts_with("rule 2 `function text~/\\\\(/ -> x`: "), "{two:?}");
        assert!(answer("kinesis\u{1f}\nrules").contains("there is no rule"));
    }

    #[test]
    fn the_exports_answer_as_the_function_does() {
        let question = "kinesis\u{1f}\ntext\nfunction -> kinesys";
        let memory = allocate(question.len());
        // SAFETY: `memory` has that many bytes, and `check` is given what `allocate` made.
        let result = unsafe {
            std::ptr::copy_nonoverlapping(question.as_ptr(), memory, question.len());
            check(memory, question.len())
        };
        assert_eq!(usize::try_from(result >> 32).unwrap_or(0), answer(question).len());
    }
}
