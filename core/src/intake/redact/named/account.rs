//! Numbers of cards and accounts, told by their check digits.

use super::{before, begins, byte, run};

pub(super) fn credit_card(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at < text.len() {
        if !byte(text, at).is_ascii_digit() {
            at += 1;
            continue;
        }
        // `card%204111…`: the 20 belongs to a blank.
        if before(text, at) == b'%' {
            at += 2;
            continue;
        }
        // The decimals of a number are none; what is glued to a word may be one.
        let is_fraction = at >= 2 && byte(text, at - 1) == b'.' && byte(text, at - 2).is_ascii_digit();
        if !is_fraction && let Some(end) = card_end(text, at) {
            return Some((at, end));
        }
        at += run(text, at, text.len(), u8::is_ascii_digit);
    }
    None
}

/// Where the longest card number that starts at `at` ends.
fn card_end(text: &[u8], mut at: usize) -> Option<usize> {
    // The networks' numbers begin with 2 to 6; times in milliseconds with 1.
    if !(b'2'..=b'6').contains(&byte(text, at)) {
        return None;
    }
    let (mut digits, mut count, mut end) = ([0_u8; 19], 0, None);
    // Between other signs than one blank or dash, groups must be those on a card: 4 digits, or 4, 6 and 5.
    let mut must_be_card_groups = false;
    let mut are_card_groups = true;
    loop {
        let group = run(text, at, digits.len() + 1, u8::is_ascii_digit);
        for &digit in text.get(at..at + group)? {
            // A 20th digit: no card, and nothing longer either.
            let Some(slot) = digits.get_mut(count) else { return end };
            *slot = digit - b'0';
            count += 1;
        }
        at += group;
        if byte(text, at).is_ascii_digit() {
            return end;
        }
        let number = digits.get(..count)?;
        if count >= 13 && (are_card_groups || !must_be_card_groups) && is_luhn(number) {
            end = Some(at);
        }
        are_card_groups &= group == 4 || (group == 6 && count == 10);
        let (width, is_plain) = separator(text, at);
        if width == 0 || !byte(text, at + width).is_ascii_digit() || count == digits.len() {
            return end;
        }
        must_be_card_groups |= !is_plain;
        at += width;
    }
}

/// The length of what stands between two groups of digits, and whether it is one blank or dash.
fn separator(text: &[u8], at: usize) -> (usize, bool) {
    match text.get(at..).unwrap_or_default() {
        [b' ', b' ', ..] => (2, false),
        [b' ' | b'-', ..] => (1, true),
        [b'\t' | b'.' | b'_' | b'/' | b'+', ..] => (1, false),
        // NBSP, and the narrow one.
        [0xC2, 0xA0, ..] => (2, false),
        [0xE2, 0x80, 0xAF, ..] | [b'%', b'2', b'0', ..] => (3, false),
        _ => (0, false),
    }
}

/// ISO/IEC 7812-1, annex B.
fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit) * 2) {
            (0, _) => u32::from(digit),
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&digit| digit != 0)
}

/// ISO 13616: two letters, two check digits, and up to 30 more letters and digits. The shortest is Norway's.
const IBAN_LENGTH: std::ops::RangeInclusive<usize> = 15..=34;

pub(super) fn iban(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at < text.len() {
        if begins(text, at)
            && let Some(end) = iban_end(text, at)
        {
            return Some((at, end));
        }
        at += 1;
    }
    None
}

fn iban_end(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start..start + 4)? {
        [first, second, check @ ..]
            if first.is_ascii_uppercase() && second.is_ascii_uppercase() && check.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    let (mut at, mut found, mut end) = (start, ([0_u8; 34], 0), None);
    loop {
        let (letters, count) = &mut found;
        let byte_here = byte(text, at);
        if byte_here.is_ascii_uppercase() || byte_here.is_ascii_digit() {
            let Some(slot) = letters.get_mut(*count) else {
                return end;
            };
            *slot = byte_here;
            *count += 1;
            at += 1;
            let is_end = !byte(text, at).is_ascii_alphanumeric();
            if is_end && IBAN_LENGTH.contains(count) && is_mod_97(letters.get(..*count)?) {
                end = Some(at);
            }
            continue;
        }
        // Printed in groups of four.
        let goes_on = byte_here == b' ' && count.is_multiple_of(4) && byte(text, at + 1).is_ascii_alphanumeric();
        if !goes_on {
            return end;
        }
        at += 1;
    }
}

/// ISO/IEC 7064: the number with its first four characters at the end leaves 1.
fn is_mod_97(letters: &[u8]) -> bool {
    let (head, tail) = letters.split_at(4.min(letters.len()));
    let rest = tail.iter().chain(head).fold(0_u32, |rest, &letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        _ => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    rest == 1
}
