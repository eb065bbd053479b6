//! E-mail and IP addresses, telephone numbers.

use std::net::Ipv6Addr;

use super::{before, begins, byte, run};

/// The longest name before and behind the `@` that is one. RFC 5321 has 64 and 255. Bytes.
const LONGEST_NAME: usize = 256;

pub(super) fn email(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut search = from;
    loop {
        let at = search + memchr::memchr2(b'@', b'%', bytes.get(search..)?)?;
        let width = match bytes.get(at..)? {
            [b'@', ..] => 1,
            [b'%', b'4', b'0', ..] => 3,
            _ => {
                search = at + 1;
                continue;
            }
        };
        let local = text.get(text.floor_char_boundary(at.saturating_sub(LONGEST_NAME)).max(from)..at)?;
        let is_local = |char: char| char.is_alphanumeric() || "._%+-'".contains(char);
        let length: usize = local
            .chars()
            .rev()
            .take_while(|&char| is_local(char))
            .map(char::len_utf8)
            .sum();
        let after = text.get(at + width..)?;
        let after = after.get(..after.floor_char_boundary(LONGEST_NAME))?;
        let is_domain = |char: char| char.is_alphanumeric() || char == '-' || char == '.';
        let end = after.find(|char| !is_domain(char)).unwrap_or(after.len());
        let domain = after.get(..end)?.trim_end_matches(['.', '-']);
        let has_top_level = domain.rsplit_once('.').is_some_and(|(rest, top)| {
            !rest.is_empty() && top.chars().nth(1).is_some() && top.chars().any(char::is_alphabetic)
        });
        if length > 0 && has_top_level {
            return Some((at - length, at + width + domain.len()));
        }
        search = at + width;
    }
}

pub(super) fn ipv4(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at < text.len() {
        if byte(text, at) == b'%' {
            // The digits of `%20` are no part of a number.
            at += 3;
        } else if byte(text, at).is_ascii_digit() && !joins(text, at) {
            if let Some(end) = address_end(text, at) {
                return Some((at, end));
            }
            at += run(text, at, text.len(), u8::is_ascii_digit);
        } else {
            at += 1;
        }
    }
    None
}

/// True if what is before `at` makes it the middle of a word or a number.
fn joins(text: &[u8], at: usize) -> bool {
    !begins(text, at) || before(text, at) == b'.'
}

fn address_end(text: &[u8], mut at: usize) -> Option<usize> {
    for place in 0..4 {
        if place > 0 {
            if byte(text, at) != b'.' {
                return None;
            }
            at += 1;
        }
        // More than three are no part of an address.
        let digits = run(text, at, 4, u8::is_ascii_digit);
        let number = std::str::from_utf8(text.get(at..at + digits)?).ok()?;
        number.parse::<u8>().ok()?;
        at += digits;
    }
    let goes_on = byte(text, at) == b'.' && byte(text, at + 1).is_ascii_digit();
    (!goes_on && !byte(text, at).is_ascii_alphanumeric()).then_some(at)
}

/// The longest IPv6 address: `ffff:…:255.255.255.255`. Bytes.
const LONGEST_IPV6: usize = 45;

pub(super) fn ipv6(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(is_part)?;
        let length = run(bytes, at, bytes.len(), is_part);
        let begins = begins(bytes, at) && before(bytes, at) != b'_';
        let word = text
            .get(at..at + length.min(LONGEST_IPV6 + 1))?
            .trim_end_matches(['.', ':']);
        let word = if length > LONGEST_IPV6 + 1 { "" } else { word };
        let ends = !byte(bytes, at + length).is_ascii_alphanumeric();
        // `a::b` is a path in a program more often than an address.
        let digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
        let is_likely = digits >= 4 && word.bytes().any(|byte| byte.is_ascii_digit());
        if begins && ends && is_likely && word.parse::<Ipv6Addr>().is_ok() {
            return Some((at, at + word.len()));
        }
        at += length;
    }
}

/// ITU-T E.164: up to 15 digits.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

pub(super) fn phone(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut search = from;
    loop {
        let start = search + memchr::memchr(b'+', text.get(search..)?)?;
        search = start + 1;
        // No country's code begins with 0; offsets of times do.
        if !begins(text, start) || !(b'1'..=b'9').contains(&byte(text, start + 1)) {
            continue;
        }
        let (mut at, mut digits, mut end) = (start + 1, 0, start);
        while digits <= *PHONE_DIGITS.end() {
            if byte(text, at).is_ascii_digit() {
                digits += 1;
                at += 1;
                end = at;
                continue;
            }
            let separators = run(text, at, 3, |byte| {
                matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/')
            });
            if separators == 0 || !byte(text, at + separators).is_ascii_digit() {
                break;
            }
            at += separators;
        }
        if PHONE_DIGITS.contains(&digits) && !byte(text, end).is_ascii_alphanumeric() {
            return Some((start, end));
        }
    }
}
