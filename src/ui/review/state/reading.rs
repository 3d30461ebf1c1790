//! Texts that are opened to be read: the merged file, and what the check wrote.

use crate::base::page::Label;
use crate::base::text;
use crate::commands::review::desk::Desk;
use crate::merge::review::What;

use super::Mode;
use super::State;
use super::Wish;
use crate::ui::review::pager::Pager;
use crate::ui::review::prompt::Subject;

impl<'s> State<'s> {
    pub(super) fn check(&mut self, desk: &Desk<'s>) -> Wish {
        let is_read = matches!(self.mode, Mode::Output(_));
        let is_new = self.check.as_ref().is_some_and(|check| check.runs() || !check.is_old);
        if !is_read && is_new {
            self.show_check();
            return Wish::Nothing;
        }
        match &desk.session().policy.land.check {
            Some(words) => Wish::Check(words.clone()),
            None => {
                self.ask(Subject::Command, "");
                Wish::Nothing
            }
        }
    }

    /// Shows what the check wrote, from its end.
    pub fn show_check(&mut self) {
        let Some(check) = &self.check else { return };
        let mut pager = Pager::new(check.line.clone(), check.output().to_vec());
        pager.go(isize::MAX, self.page);
        self.mode = Mode::Output(pager);
    }

    pub(super) fn preview(&mut self, desk: &Desk<'s>) -> Wish {
        let Some(spot) = self.spot() else { return Wish::Nothing };
        let found = match desk.preview(spot.file) {
            Ok(found) => found,
            Err(failure) => return self.failed(&failure),
        };
        let path = text::visible(&desk.item(spot).path);
        let Some(bytes) = found else {
            self.tell(
                Label::Plain,
                format!("{path}: by what was decided so far there is no file of lines here"),
            );
            return Wish::Nothing;
        };
        let mut pager = Pager::new(path, bytes);
        pager.is_numbered = true;
        // Where the conflict is, or where it would be.
        if let What::Lines { line, .. } = &desk.item(spot).what {
            let near = line.saturating_sub(1);
            let mark = pager.begins(near, b"<<<<<<< ").filter(|_| desk.resolution(spot).is_none());
            pager.go(mark.unwrap_or(near).saturating_sub(2).cast_signed(), self.page.max(2));
        }
        self.mode = Mode::Text(pager);
        Wish::Nothing
    }
}
