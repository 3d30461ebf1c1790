//! Help, told from the table of keys: the line at the bottom with what can be done now, and the page of all keys.

use crate::commands::review::desk::Desk;

use super::can;
use super::state::State;
use crate::ui::keys::Binding;
use crate::ui::keys::Place;
use crate::ui::keys::TABLE;

/// One hint of the line at the bottom: the key, and what it does.
pub type Hint = (String, &'static str);

/// What can be done now, the most wanted first; the last one fits always.
pub fn line(state: &State<'_>, desk: &Desk<'_>) -> Vec<Hint> {
    let place = state.place();
    let is_told = |row: &&Binding| {
        row.places.contains(&place) && !row.word.is_empty() && can::be_done(state, desk, row.action)
    };
    TABLE.iter().filter(is_told).map(|row| (row.keys[0].to_string(), row.word)).collect()
}

/// The page of all keys.
pub fn page() -> String {
    let mut page = String::new();
    let parts = [
        (Place::Desk, "The list and the sides of a conflict"),
        (Place::Text, "A text: the merged file, what a check wrote, this page"),
        (Place::Line, "A line that you write"),
        (Place::Question, "A question"),
    ];
    for (place, title) in parts {
        page.push_str(&format!("{title}\n"));
        for row in TABLE.iter().filter(|row| row.places.contains(&place)) {
            let keys: Vec<String> = row.keys.iter().map(ToString::to_string).collect();
            page.push_str(&format!("  {:<18} {}\n", keys.join("  "), row.what));
        }
        page.push('\n');
    }
    page.push_str("Signs before a line: + new, ~ changed, - gone from what was there before. What differs is underlined.\n");
    page.push_str("Every decision is kept at once: leave when you like, and go on with the same command.\n");
    page
}
