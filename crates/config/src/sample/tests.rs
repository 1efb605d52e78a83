use super::*;

static OPTIONS: &[OptionDef] = &[
    OptionDef::new("z", "pairs", Kind::Dict)
        .default("a:1,b:2")
        .help("D."),
    OptionDef::new("DEFAULT", "count", Kind::int(0, 10))
        .default("3")
        .mutable()
        .old_names(&["old"])
        .old_places(&[("g", "older")])
        .help("First line.\nSecond line."),
    OptionDef::new("DEFAULT", "delay", Kind::float_from(0.0)).help("F."),
    OptionDef::new("DEFAULT", "way", Kind::Choice(&["one", ""]))
        .default("one")
        .help("C."),
    OptionDef::new("DEFAULT", "space", Kind::Text).default(" x "),
    OptionDef::new("DEFAULT", "drivers", Kind::Multi).help("M."),
    OptionDef::new("DEFAULT", "gone", Kind::Bool)
        .default("true")
        .help("G.")
        .deprecated("no effect"),
];

#[test]
fn the_sample_is_what_the_peers_generator_writes() {
    let expected = "\
[DEFAULT]

#
# From me
#

# First line.
# Second line. (integer value)
# Minimum value: 0
# Maximum value: 10
# Note: This option can be changed without restarting.
# Deprecated group/name - [DEFAULT]/old
# Deprecated group/name - [g]/older
#count = 3

# F. (floating point value)
# Minimum value: 0.0
#delay = <None>

# C. (string value)
# Possible values:
# one - <No description provided>
# '' - <No description provided>
#way = one

# (string value)
#space = \" x \"

# M. (multi valued)
#drivers =

# DEPRECATED: G. (boolean value)
# This option is deprecated for removal.
# Its value may be silently ignored in the future.
# Reason: no effect
#gone = true


[z]

#
# From me
#

# D. (dict value)
#pairs = a:1,b:2
";
    assert_eq!(sample("me", OPTIONS), expected);
}

#[test]
fn long_help_is_broken_between_words() {
    const LONG: &str =
        "word word word word word word word word word word word word word word word word word";
    static OPTION: OptionDef = OptionDef::new("g", "x", Kind::Text).help(LONG);
    let text = sample("me", [&OPTION]);
    let help: Vec<_> = text.lines().filter(|line| line.contains("word")).collect();
    assert_eq!(help.len(), 2);
    assert_eq!(help[0].len(), 76, "{text}");
    assert_eq!(help[1], "# word word (string value)");
}
