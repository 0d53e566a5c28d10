//! Text from outside, as far as errors show it: they go into answers, logs and headers.

/// Characters that are shown of one value.
pub const VALUE_CHARACTERS: usize = 40;

/// The beginning of `text`, without what would end a line or move a terminal's cursor.
pub fn shown(text: &str, most_characters: usize) -> String {
    let characters = text.chars().filter(|c| !c.is_control());
    characters.take(most_characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_shown_without_what_controls() {
        assert_eq!(shown("a\r\nb\u{1b}[1mc\u{85}ö", 6), "ab[1mc");
        assert_eq!(shown("öö", 1), "ö");
    }
}
