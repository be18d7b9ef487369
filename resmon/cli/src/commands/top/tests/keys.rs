// SPDX-License-Identifier: GPL-2.0-or-later

use super::*;

#[test]
fn intervals_go_in_steps() {
    let ms = Duration::from_millis;
    assert_eq!(longer(ms(10)), Some(ms(20)));
    assert_eq!(longer(ms(999)), Some(ms(1_000)));
    assert_eq!(shorter(ms(1_001)), Some(ms(1_000)));
    assert_eq!(shorter(ms(10)), None);
    assert_eq!(longer(ms(3_600_000)), None);
    // There and back again.
    let mut interval = ms(10);
    let mut steps = vec![interval];
    while let Some(next) = longer(interval) {
        interval = next;
        steps.push(interval);
    }
    assert_eq!(interval, ms(3_600_000));
    while let Some(next) = shorter(interval) {
        assert_eq!(steps.pop(), Some(interval));
        interval = next;
    }
    assert_eq!(steps, [ms(10)]);
}

#[test]
fn keys_do_what_they_say() {
    let mut state = minute();
    for code in ['x', 'Q', 'é', '1'].map(KeyCode::Char) {
        assert_eq!(press(&mut state, code), Outcome::Continue);
    }
    for code in [KeyCode::Enter, KeyCode::F(5), KeyCode::Up, KeyCode::Tab] {
        assert_eq!(press(&mut state, code), Outcome::Continue);
    }
    assert_eq!(text(&state, 80, 24), text(&minute(), 80, 24));
    assert_eq!(press(&mut state, KeyCode::Char('q')), Outcome::Quit);
    assert_eq!(press(&mut state, KeyCode::Esc), Outcome::Quit);
    assert_eq!(press(&mut state, KeyCode::Char('r')), Outcome::Reread);
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    assert_eq!(action(control('c')), Action::Quit);
    assert_eq!(action(control('s')), Action::Nothing);
    // From the help, these lead back.
    press(&mut state, KeyCode::Char('?'));
    assert_shows(&text(&state, 80, 24), "Keys of resmon top");
    assert_eq!(press(&mut state, KeyCode::Esc), Outcome::Continue);
    assert_eq!(text(&state, 80, 24), text(&minute(), 80, 24));
}

#[test]
fn the_interval_of_a_recording_stays() {
    let mut state = State::new(Origin::Recording);
    press(&mut state, KeyCode::Char('+'));
    assert_shows(&text(&state, 80, 24), "cannot be changed");
    // The note is there until the next key that does something.
    press(&mut state, KeyCode::Char('x'));
    assert_ne!(state.note, None);
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(state.note, None);
}
