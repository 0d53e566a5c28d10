//! Text from outside, as far as errors, logs and terminals show it.

use std::fmt::Write;

/// Characters that are shown of one value.
pub const VALUE_CHARACTERS: usize = 40;

/// Does it do something to a terminal or to the text around it, instead of being shown? Those are
/// control characters (C0, DEL, C1), ends of lines, and what changes the direction of writing.
fn controls(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of `text`, without what controls: for errors, which go into answers and headers.
pub fn shown(text: &str, most_characters: usize) -> String {
    let characters = text.chars().filter(|c| !controls(*c));
    characters.take(most_characters).collect()
}

/// The whole `text` in one line, for a terminal or a log: what controls is written as its number, `\u{1b}`.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if controls(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line
}

/// A JSON text for a terminal or a log, written without line breaks: what controls is escaped as JSON has
/// it, so that the text means the same.
pub fn json(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if controls(c) {
            // All of them have four digits.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, and an innocent character.
    const ALL: &str = "a\0\u{7}\t\r\n\u{1b}[1m\u{7f}\u{9b}\u{85}\u{2028}\u{2029}\u{61c}\u{200e}\u{202e}\u{2066}\u{2069}ö";

    #[test]
    fn a_beginning_is_shown_without_what_controls() {
        assert_eq!(shown("a\r\nb\u{1b}[1mc\u{85}ö", 6), "ab[1mc");
        assert_eq!(shown("öö", 1), "ö");
        assert_eq!(shown(ALL, 99), "a[1mö");
    }

    #[test]
    fn what_controls_is_written_as_its_number() {
        assert_eq!(one_line("a\u{1b}[1m\n"), "a\\u{1b}[1m\\u{a}");
        assert!(!one_line(ALL).chars().any(controls));
        assert_eq!(one_line("häßlich 🐢"), "häßlich 🐢");
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let value = serde_json::json!({ ALL: [ALL] });
        let line = json(&value.to_string());
        assert!(!line.chars().any(controls), "{line}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&line).unwrap(),
            value
        );
    }
}
