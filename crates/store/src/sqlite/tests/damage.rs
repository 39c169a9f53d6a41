//! What a crash, a second process or a failing disk leaves behind.
