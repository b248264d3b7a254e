"""silu"""
