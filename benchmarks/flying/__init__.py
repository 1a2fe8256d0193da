"""What flying is measured by: transfers, faults, the sample flown, several vehicles."""
