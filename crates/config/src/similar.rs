//! Which option somebody may have meant.

use crate::declaration::OptionDef;
use crate::declared::group_key;
use crate::holder::Options;

impl Options {
    /// The declared option whose group and name are almost these, to ask "did you mean"; `None` if none is close.
    pub fn similar(&self, group: &str, name: &str) -> Option<&'static OptionDef> {
        let (group, name) = (group_key(group), name.replace('-', "_"));
        let limit = 1 + name.len() / 8;
        let distances = self.definitions().into_iter().map(|option| {
            let groups = distance(&group, &group_key(option.group));
            (groups + distance(&name, option.name), option)
        });
        let (nearest, option) = distances.min_by_key(|(distance, _)| *distance)?;
        (nearest <= limit).then_some(option)
    }
}

/// How many characters have to be added, removed or replaced to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    // The distances between what `from` has so far and every beginning of `to`.
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, left) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut last = index + 1;
        let mut next = vec![last];
        for (right, above) in to.chars().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(left != right);
            last = replaced.min(last + 1).min(above + 1);
            diagonal = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn what_is_almost_an_option_is_found() {
        static OPTIONS: &[OptionDef] = &[
            OptionDef::new("rabbit", "heartbeat_rate", Kind::Bool),
            OptionDef::new("DEFAULT", "host", Kind::Text),
        ];
        let options = Options::new(&[OPTIONS]);
        let similar = |group, name| options.similar(group, name).map(|option| option.name);
        assert_eq!(similar("rabbit", "heartbeat-rat"), Some("heartbeat_rate"));
        assert_eq!(similar("Rabit", "heartbeat_rate"), Some("heartbeat_rate"));
        assert_eq!(similar("DEFAULT", "hosts"), Some("host"));
        assert_eq!(similar("DEFAULT", "port"), None);
        assert_eq!(similar("rabbit", "host"), None);
    }
}
