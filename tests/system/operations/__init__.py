"""Operations with which the tests try the whole system."""
