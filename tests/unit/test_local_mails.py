"""Which of the mails that the embedded AWS keeps is shown."""

from infra.local.mails import CaughtMail, newest_of


def mail(subject: str, at: float, text: str = "") -> dict[str, object]:
    return {"To": ["ada@example.org"], "Subject": subject, "Timestamp": at, "BodyText": text}


def test_the_one_that_came_last_is_shown_with_its_link():
    answer = {"messages": {"1": [mail("new", 2.0, "see\nhttp://127.0.0.1/x?a=b\nsoon"), mail("old", 1.0)]}}

    assert newest_of(answer) == CaughtMail("ada@example.org", "new", "http://127.0.0.1/x?a=b")


def test_a_mail_may_have_no_link_and_there_may_be_no_mail():
    assert newest_of({"messages": {"1": [mail("new", 2.0)]}}) == CaughtMail("ada@example.org", "new", "")
    assert newest_of({"messages": {}}) is None
