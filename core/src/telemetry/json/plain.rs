//! Where the plain part of a string ends.

/// Number of bytes of `bytes` before the first quote, backslash or control character.
///
/// Most strings are short: those end in the first words of eight bytes. Of a longer one whole blocks are looked at, which the
/// compiler does with vector instructions, until one holds the end.
#[inline]
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<WORD>();
    let mut plain = 0;
    for word in words.iter().take(SHORT / WORD) {
        if let Some(end) = end_in(*word) {
            return plain + end;
        }
        plain += WORD;
    }
    let rest = bytes.get(plain..).unwrap_or_default();
    if plain < SHORT {
        plain + plain_bytes(rest)
    } else {
        plain + plain_rest(rest)
    }
}

/// The longest string that is read by words alone. Bytes.
const SHORT: usize = 32;

const WORD: usize = 8;

/// Bytes that are looked at together.
const BLOCK: usize = 32;

/// As [`plain_prefix`], where the end is likely far away.
#[inline(never)]
fn plain_rest(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let mut plain = BLOCK * blocks.iter().take_while(|block| is_plain(block)).count();
    let (words, _) = bytes.get(plain..).unwrap_or_default().as_chunks::<WORD>();
    for word in words {
        if let Some(end) = end_in(*word) {
            return plain + end;
        }
        plain += WORD;
    }
    plain + plain_bytes(bytes.get(plain..).unwrap_or_default())
}

/// No byte ends a plain run. There is no branch for each.
fn is_plain(block: &[u8; BLOCK]) -> bool {
    let ends = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    !block.iter().fold(false, |found, &byte| found | ends(byte))
}

/// Where a plain run ends in eight bytes.
#[inline]
fn end_in(word: [u8; WORD]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let word = u64::from_le_bytes(word);
    let quote = zero_in(word ^ (ONES * u64::from(b'"')));
    let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    let found = quote | backslash | control;
    // The lowest byte found is exact; borrows make only higher ones look found.
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

fn plain_bytes(bytes: &[u8]) -> usize {
    let ends = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Byte by byte.
    fn plainly(bytes: &[u8]) -> usize {
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        bytes.iter().position(ends).unwrap_or(bytes.len())
    }

    #[test]
    fn the_end_of_a_plain_run_is_found_at_each_place() {
        let plain = "plain text of words, and é, €, 😀 and \u{7f} among them; ".repeat(4);
        for length in 0..=200 {
            let Some(run) = plain.get(..length) else { continue };
            for end in ["", "\"", "\\", "\n", "\0", "\u{1f}", " ", "!", "é"] {
                for behind in ["", "x", "\"", &plain] {
                    let text = format!("{run}{end}{behind}");
                    assert_eq!(plain_prefix(text.as_bytes()), plainly(text.as_bytes()), "{text:?}");
                }
            }
        }
        // Any byte at any place; what is no text is no end either.
        for byte in 0..=u8::MAX {
            for place in 0..100 {
                let mut bytes = [b'a'; 101];
                bytes[place] = byte;
                assert_eq!(plain_prefix(&bytes), plainly(&bytes), "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn finds_the_end_of_every_plain_run(prefix in "[a-zé ]{0,40}", stop in prop::sample::select(vec!["\"", "\\", "\u{1f}", "\n"])) {
            prop_assert_eq!(plain_prefix(format!("{prefix}{stop}xx\"yyyyyyyyyy").as_bytes()), prefix.len());
            prop_assert_eq!(plain_prefix(prefix.as_bytes()), prefix.len());
        }
    }
}
