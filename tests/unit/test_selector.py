from chalicelib.domain.selector import matches

FACTS = {"name": "web-1", "hostname": "web-1.example.org", "platform": "linux", "endpoint": "ep-1"}


def test_an_endpoint_is_meant_by_its_id_whatever_it_is_called():
    assert matches({"endpoint": ("ep-1",)}, FACTS | {"name": "renamed"}, {}) is True
    assert matches({"endpoint": ("ep-2",)}, FACTS, {"endpoint": "ep-2"}) is False, "a label does not stand for a fact"


def test_labels_that_nobody_has_told_yet_leave_it_open():
    assert matches({"endpoint": ("ep-1",), "role": ("db",)}, FACTS, None) is None
    assert matches({"endpoint": ("ep-2",), "role": ("db",)}, FACTS, None) is False
